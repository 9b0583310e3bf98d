"""A fit as bytes, and where such bytes are kept."""

import json
from typing import Literal, Protocol

import numpy as np
from meshlens.pca.errors import FitNotFound
from meshlens.pca.numbers.decomposition import PcaModel
from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT = 1


class FitStore(Protocol):
    """Keeps bytes under their sha256."""

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256 in hexadecimal."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes whose sha256 is `name`, or None."""

    def delete(self, name: str) -> None:
        """Forget the bytes whose sha256 is `name`, if there are any."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1]
    n: int
    p: int
    names: list[str]
    mean: list[float]
    scale: list[float]
    components: list[list[float]]
    explained_variance: list[float]
    explained_variance_ratio: list[float]
    variance: list[float]
    residual: list[float] | None
    solver: str
    loadings: list[list[float]]
    contributions: list[list[float]]
    cos2: list[list[float]]


def encode_fit(fit: PcaModel) -> bytes:
    """Return the fit as canonical JSON: equal fits give equal bytes, floats come back exactly.

    The document says its format. Loadings, contributions and cos2 follow from the rest and are
    there for whoever reads it.
    """
    document = {
        "format": FORMAT,
        "n": fit.n,
        "p": len(fit.names),
        "names": fit.names,
        "mean": fit.mean.tolist(),
        "scale": fit.scale.tolist(),
        "components": fit.components.tolist(),
        "explained_variance": fit.explained_variance.tolist(),
        "explained_variance_ratio": fit.explained_variance_ratio.tolist(),
        "variance": fit.variance.tolist(),
        "residual": fit.residual,
        "solver": fit.solver,
        "loadings": fit.loadings.tolist(),
        "contributions": fit.contributions.tolist(),
        "cos2": fit.cos2.tolist(),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode_fit(data: bytes) -> PcaModel:
    """Return the fit that `encode_fit` has written.

    Raises:
        FitNotFound: the bytes are something else, or of a format that is not read.
    """
    try:
        document = _Document.model_validate_json(data)
    except ValidationError:
        raise FitNotFound(
            f"that id must belong to a fit of format {FORMAT}",
            got="other bytes",
            remedy="use an id that fit returned, or fit again",
            option="fit",
        ) from None
    residual = document.residual
    return PcaModel(
        names=tuple(document.names),
        n=document.n,
        mean=np.array(document.mean),
        scale=np.array(document.scale),
        components=np.array(document.components),
        explained_variance=np.array(document.explained_variance),
        explained_variance_ratio=np.array(document.explained_variance_ratio),
        variance=np.array(document.variance),
        residual=None if residual is None else (residual[0], residual[1], residual[2]),
        solver=document.solver,
    )


def add_facts(model: bytes, **facts: str | int) -> bytes:
    """Return an encoded fit with facts in front, as callers get it: one line of JSON."""
    front = json.dumps(facts, separators=(",", ":")).encode()
    return front.removesuffix(b"}") + b"," + model.removeprefix(b"{") + b"\n"
