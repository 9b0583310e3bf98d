"""A model as bytes, and where such bytes are kept."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, Protocol

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from meshlens.pca.errors import FitNotFound
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling

FORMAT: Literal[2] = 2

# Beyond as many numbers, a component is answered once: what follows from it is left out.
_MOST_DERIVED = 150_000

_ID = re.compile(r"[0-9a-f]{64}")


class ModelStore(Protocol):
    """Stores bytes under their sha256, permanently or until they expire."""

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256 in hexadecimal."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes whose sha256 is `name`, or None if none are kept, or no longer."""

    def has(self, name: str) -> bool:
        """Return whether bytes are kept whose sha256 is `name`."""

    def delete(self, name: str) -> None:
        """Forget the bytes whose sha256 is `name`, if there are any."""

    def names(self) -> Sequence[str]:
        """Return the sha256 of what was kept last, the newest first, as far as it is known."""


@with_config(ConfigDict(extra="forbid", strict=True))
class RotationDocument(TypedDict):
    """How the components of a model are rotated, and what they explain then."""

    method: Annotated[Literal["varimax"], Field(description="with Kaiser's normalization")]
    matrix: Annotated[
        list[list[float]],
        Field(
            description="(k, k), orthogonal: scores divided by their standard deviations, times it,"
            " are the rotated scores, of variance 1"
        ),
    ]
    explained_variance: Annotated[
        list[float], Field(description="(k), descending, of the rotated components")
    ]
    explained_variance_ratio: Annotated[
        list[float], Field(description="(k), shares of the whole variance")
    ]


@with_config(ConfigDict(extra="forbid", strict=True))
class ModelDocument(TypedDict):
    """A model as it is stored and answered: all of `PcaModel`, and what follows from it.

    What need not be there is missing from documents of format 1.
    """

    format: Annotated[Literal[1, 2], Field(description="version of this document")]
    n: Annotated[int, Field(description="observations that the model was fitted to")]
    p: Annotated[int, Field(description="variables")]
    names: Annotated[list[str], Field(description="(p), of the variables")]
    mean: Annotated[
        list[float], Field(description="(p), subtracted from each observation, or its logarithms")
    ]
    scale: Annotated[list[float], Field(description="(p), divides each centred observation")]
    components: Annotated[list[list[float]], Field(description="(k, p), orthonormal rows")]
    scaling: NotRequired[
        Annotated[
            Literal["none", "standard", "pareto", "range", "vector"],
            Field(description="what the rule for scale is"),
        ]
    ]
    scale_divisor: NotRequired[
        Annotated[
            Literal["n-1", "n"] | None,
            Field(description="of the standard deviations in scale; null if there are none"),
        ]
    ]
    log: NotRequired[
        Annotated[
            Literal["none", "e", "2", "10", "1p"],
            Field(description="base of the logarithms taken first; 1p: ln(1 + x)"),
        ]
    ]
    constant: NotRequired[
        Annotated[
            list[str],
            Field(description="names of the variables that are constant, but for rounding"),
        ]
    ]
    left_out: NotRequired[
        Annotated[int, Field(description="components that are not kept, of min(n, p)")]
    ]
    explained_variance: Annotated[
        list[float], Field(description="(k), descending, of the principal components")
    ]
    explained_variance_ratio: Annotated[
        list[float], Field(description="(k), shares of the whole variance")
    ]
    divisor: NotRequired[
        Annotated[Literal["n-1", "n"], Field(description="of all variances in this document")]
    ]
    variance: Annotated[list[float], Field(description="(p), of the centred and scaled variables")]
    residual: Annotated[
        list[float] | None,
        Field(
            description="sums of the first three powers of the variances that are not kept; null"
            " if they are not known, or no double holds them"
        ),
    ]
    solver: Annotated[str, Field(description="covariance, gram, svd or randomized")]
    rotation: NotRequired[Annotated[RotationDocument | None, Field(description="null without one")]]
    loadings: Annotated[
        list[list[float]] | None,
        Field(
            description="(k, p), components times the standard deviation of their scores; rotated"
            f" if rotation is not null. null, as the next three, beyond {_MOST_DERIVED} numbers"
        ),
    ]
    correlations: NotRequired[
        Annotated[
            list[list[float]] | None,
            Field(description="(k, p), of components, rotated or not, and variables"),
        ]
    ]
    contributions: Annotated[
        list[list[float]] | None, Field(description="(k, p), shares of each component")
    ]
    cos2: Annotated[
        list[list[float]] | None,
        Field(description="(k, p), squared correlations of components and variables"),
    ]


_DOCUMENT = TypeAdapter(ModelDocument)


def encode_model(model: PcaModel) -> bytes:
    """Return a model as canonical JSON: equal models give equal bytes, floats come back exactly.

    Loadings, correlations, contributions and cos2 follow from the rest; they are for readers of
    the document, and null where they would make it too long.
    """
    derived = model.components.size <= _MOST_DERIVED
    document = ModelDocument(
        format=FORMAT,
        n=model.n,
        p=len(model.names),
        names=list(model.names),
        mean=model.mean.tolist(),
        scale=model.scale.tolist(),
        scaling=model.scaling.value,
        scale_divisor=_name_scale_divisor(model),
        log=model.log.value,
        constant=list(model.constant),
        components=model.components.tolist(),
        left_out=min(model.n, len(model.names)) - len(model.components),
        explained_variance=model.explained_variance.tolist(),
        explained_variance_ratio=model.explained_variance_ratio.tolist(),
        divisor=_name_divisor(model.freedom, model.n),
        variance=model.variance.tolist(),
        residual=None if model.residual is None else [*model.residual],
        solver=model.solver,
        rotation=_describe_rotation(model),
        loadings=model.loadings.tolist() if derived else None,
        correlations=model.correlations.tolist() if derived else None,
        contributions=model.contributions.tolist() if derived else None,
        cos2=model.cos2.tolist() if derived else None,
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
            f"that id must belong to a fit of format 1 to {FORMAT}",
            got="other bytes",
            remedy="use an id that fit returned, or fit again",
            option="fit",
        ) from None
    scale = np.array(document["scale"])
    residual, rotation = document["residual"], document.get("rotation")
    # Format 1 had standardized variables, or others without a scale.
    of_scale = Scaling.STANDARD if (scale != 1.0).any() else Scaling.NONE
    return PcaModel(
        names=tuple(document["names"]),
        n=document["n"],
        mean=np.array(document["mean"]),
        scale=scale,
        components=np.array(document["components"]),
        explained_variance=np.array(document["explained_variance"]),
        explained_variance_ratio=np.array(document["explained_variance_ratio"]),
        variance=np.array(document["variance"]),
        residual=None if residual is None else (residual[0], residual[1], residual[2]),
        solver=document["solver"],
        scaling=Scaling(document.get("scaling", of_scale)),
        divisor=_find_divisor(document),
        log=Log(document.get("log", Log.NONE)),
        constant=tuple(document.get("constant", ())),
        rotation=None if rotation is None else np.array(rotation["matrix"]),
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
            f"--fit must be a model of format 1 to {FORMAT} that pca fit has written as JSON",
            got="a file of something else",
            remedy="write it by pca fit table.csv -o model.json",
            option="fit",
        ) from None


def is_id(text: str) -> bool:
    """Return whether a text may be the id of a fit: a sha256 in hexadecimal."""
    return _ID.fullmatch(text) is not None


def load_model(store: ModelStore, model_id: str) -> PcaModel:
    """Return the model that a store keeps under an id.

    Raises:
        FitNotFound: there is none.
    """
    data = store.get(model_id) if is_id(model_id) else None
    if data is None:
        raise FitNotFound(
            "fit must be the id of a stored fit",
            got=repr(model_id),
            remedy="call fit with the points again and use the id it answers",
            option="fit",
        )
    return decode_model(data)


def _name_divisor(divisor: int, n: int) -> Literal["n-1", "n"]:
    return "n" if divisor == n else "n-1"


def _name_scale_divisor(model: PcaModel) -> Literal["n-1", "n"] | None:
    if model.scaling not in {Scaling.STANDARD, Scaling.PARETO}:
        return None
    return _name_divisor(model.divisor.of_scales(model.n, model.scaling), model.n)


def _find_divisor(document: ModelDocument) -> Divisor:
    """Return the rule that gives the divisors of a document; without a scale, two of them do."""
    if document.get("divisor") == "n":
        return Divisor.N
    if document.get("scaling") == "standard" and document.get("scale_divisor") == "n-1":
        return Divisor.ONE_LESS
    return Divisor.SCIKIT_LEARN


def _describe_rotation(model: PcaModel) -> RotationDocument | None:
    if model.rotation is None:
        return None
    explained = model.rotated_variance
    total = model.explained_variance[0] / model.explained_variance_ratio[0]
    return RotationDocument(
        method="varimax",
        matrix=model.rotation.tolist(),
        explained_variance=explained.tolist(),
        explained_variance_ratio=(explained / total).tolist(),
    )
