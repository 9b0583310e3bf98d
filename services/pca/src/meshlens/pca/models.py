"""A model as bytes, and where such bytes are kept."""

import json
import re
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from meshlens.pca.errors import FitNotFound
from meshlens.pca.numbers.decomposition import PcaModel

FORMAT: Literal[1] = 1

_ID = re.compile(r"[0-9a-f]{64}")


class ModelStore(Protocol):
    """Stores bytes under their sha256, permanently or until they expire."""

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256 in hexadecimal."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes whose sha256 is `name`, or None if none are kept, or no longer."""

    def delete(self, name: str) -> None:
        """Forget the bytes whose sha256 is `name`, if there are any."""


@with_config(ConfigDict(extra="forbid", strict=True))
class ModelDocument(TypedDict):
    """A model as it is stored and answered: all of `PcaModel`, and what follows from it."""

    format: Annotated[Literal[1], Field(description="version of this document")]
    n: Annotated[int, Field(description="observations that the model was fitted to")]
    p: Annotated[int, Field(description="variables")]
    names: Annotated[list[str], Field(description="(p), of the variables")]
    mean: Annotated[list[float], Field(description="(p), subtracted from each observation")]
    scale: Annotated[list[float], Field(description="(p), divides each centred observation")]
    components: Annotated[list[list[float]], Field(description="(k, p), orthonormal rows")]
    explained_variance: Annotated[
        list[float], Field(description="(k), descending, with divisor n - 1")
    ]
    explained_variance_ratio: Annotated[
        list[float], Field(description="(k), shares of the whole variance")
    ]
    variance: Annotated[list[float], Field(description="(p), of the centred and scaled variables")]
    residual: Annotated[
        list[float] | None,
        Field(description="sums of the first three powers of the variances that are not kept"),
    ]
    solver: Annotated[str, Field(description="covariance, svd or randomized")]
    loadings: Annotated[
        list[list[float]],
        Field(description="(k, p), components times the standard deviation of their scores"),
    ]
    contributions: Annotated[
        list[list[float]], Field(description="(k, p), shares of each component")
    ]
    cos2: Annotated[
        list[list[float]],
        Field(description="(k, p), squared correlations of components and variables"),
    ]


_DOCUMENT = TypeAdapter(ModelDocument)


def encode_model(model: PcaModel) -> bytes:
    """Return a model as canonical JSON: equal models give equal bytes, floats come back exactly.

    Loadings, contributions and cos2 follow from the rest; they are for readers of the document.
    """
    document = ModelDocument(
        format=FORMAT,
        n=model.n,
        p=len(model.names),
        names=list(model.names),
        mean=model.mean.tolist(),
        scale=model.scale.tolist(),
        components=model.components.tolist(),
        explained_variance=model.explained_variance.tolist(),
        explained_variance_ratio=model.explained_variance_ratio.tolist(),
        variance=model.variance.tolist(),
        residual=None if model.residual is None else [*model.residual],
        solver=model.solver,
        loadings=model.loadings.tolist(),
        contributions=model.contributions.tolist(),
        cos2=model.cos2.tolist(),
    )
    # Not with pydantic, which formats floats differently from the models already stored.
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode_model(data: bytes) -> PcaModel:
    """Return the model encoded by `encode_model`.

    Raises:
        FitNotFound: the bytes are not a model, or are in an unsupported format.
    """
    try:
        document = _DOCUMENT.validate_json(data)
    except ValidationError:
        raise FitNotFound(
            f"that id must belong to a fit of format {FORMAT}",
            got="other bytes",
            remedy="use an id that fit returned, or fit again",
            option="fit",
        ) from None
    residual = document["residual"]
    return PcaModel(
        names=tuple(document["names"]),
        n=document["n"],
        mean=np.array(document["mean"]),
        scale=np.array(document["scale"]),
        components=np.array(document["components"]),
        explained_variance=np.array(document["explained_variance"]),
        explained_variance_ratio=np.array(document["explained_variance_ratio"]),
        variance=np.array(document["variance"]),
        residual=None if residual is None else (residual[0], residual[1], residual[2]),
        solver=document["solver"],
    )


def read_answer(answer: bytes) -> PcaModel:
    """Return the model in an answer of `fit`, which says more than the stored document.

    Raises:
        FitNotFound: it holds no model, or one in an unsupported format.
    """
    try:
        fields = json.loads(answer)
        known = {name: fields[name] for name in ModelDocument.__annotations__ if name in fields}
        return decode_model(json.dumps(known).encode())
    except (ValueError, TypeError, FitNotFound):
        raise FitNotFound(
            f"--fit must be a model of format {FORMAT} that pca fit has written as JSON",
            got="a file of something else",
            remedy="write it by pca fit table.csv -o model.json",
            option="fit",
        ) from None


def load_model(store: ModelStore, model_id: str) -> PcaModel:
    """Return the model that a store keeps under an id.

    Raises:
        FitNotFound: there is none.
    """
    data = store.get(model_id) if _ID.fullmatch(model_id) else None
    if data is None:
        raise FitNotFound(
            "fit must be the id of a stored fit",
            got=repr(model_id),
            remedy="call fit with the points again and use the id it answers",
            option="fit",
        )
    return decode_model(data)
