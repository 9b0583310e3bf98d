"""A fit as bytes, and where such bytes are kept."""

import json
from typing import Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pca.decomposition import Fit
from pca.errors import FitNotFound


class FitStore(Protocol):
    """Keeps bytes under their sha256."""

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256 in hexadecimal."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes whose sha256 is `name`, or None."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    n: int
    p: int
    names: list[str]
    mean: list[float]
    scale: list[float]
    components: list[list[float]]
    explained_variance: list[float]
    explained_variance_ratio: list[float]
    loadings: list[list[float]]


def encode_fit(fit: Fit) -> bytes:
    """Return the fit as canonical JSON: equal fits give equal bytes, floats come back exactly."""
    document = {
        "n": fit.n,
        "p": len(fit.names),
        "names": fit.names,
        "mean": fit.mean.tolist(),
        "scale": fit.scale.tolist(),
        "components": fit.components.tolist(),
        "explained_variance": fit.explained_variance.tolist(),
        "explained_variance_ratio": fit.explained_variance_ratio.tolist(),
        "loadings": fit.loadings.tolist(),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode_fit(data: bytes) -> Fit:
    """Return the fit that `encode_fit` has written.

    Raises:
        FitNotFound: the bytes are something else.
    """
    try:
        document = _Document.model_validate_json(data)
    except ValidationError:
        raise FitNotFound(
            "that id must belong to a fit", got="other bytes", remedy="use an id that fit returned"
        ) from None
    return Fit(
        names=tuple(document.names),
        n=document.n,
        mean=np.array(document.mean),
        scale=np.array(document.scale),
        components=np.array(document.components),
        explained_variance=np.array(document.explained_variance),
        explained_variance_ratio=np.array(document.explained_variance_ratio),
    )


def add_id(model: bytes, fit_id: str) -> bytes:
    """Return an encoded fit with its id in front, as callers get it: one line of JSON."""
    return b'{"id":"%s",%s\n' % (fit_id.encode(), model.removeprefix(b"{"))
