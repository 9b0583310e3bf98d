"""Models without a runtime, for tests of how TensorFlow Serving's clients see them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from meshlens.daprkit.messages import Provenance
from meshlens.faults import Fault
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.models import Array, ModelVersion, State
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.wire.tensorflow_pb2 import Example

MOST_BYTES = 64 * 1024
DTYPES = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "f2", "c8", "c16", "O")
PROVENANCE = Provenance("5" * 64, "verified", "6" * 64)


class NoPicture(Fault):
    """The bytes are no picture."""


@dataclass(frozen=True)
class Spec:
    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...] | None = (-1,)


def spec(name: str, dtype: str, shape: tuple[int, ...] | None = (-1,)) -> Spec:
    return Spec(name, np.dtype(dtype), shape)


@dataclass(frozen=True)
class Computation:
    """A function of a model that is a function of Python.

    Attributes:
        calls: what it was called with.
    """

    inputs: Sequence[Spec]
    outputs: Sequence[Spec]
    compute: Callable[[Mapping[str, Array]], Mapping[str, Array]]
    picture: str = ""
    widens: bool = False
    classes: Sequence[str] = ()
    calls: list[Mapping[str, Array]] = field(default_factory=list)

    def read_picture(self, data: bytes) -> Array:
        if not data.startswith(b"picture"):
            raise NoPicture("expected a picture", got="other bytes", remedy="send one")
        return np.full((1, 2, 2, 3), len(data), np.float32)

    def labels(self, output: str) -> Sequence[str]:
        return self.classes if output == "scores" else ()

    def run(self, tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        self.calls.append(tensors)
        return self.compute(tensors)

    @property
    def lookup(self) -> None:
        """None: nothing is kept."""


@dataclass(frozen=True)
class Served:
    name: str
    version: str
    functions: Mapping[str, Computation]
    platform: str = "python"
    provenance: Provenance = PROVENANCE


class ServedModels:
    """Models in memory, by name and version.

    Attributes:
        changes: what was loaded and unloaded.
    """

    def __init__(
        self,
        models: Sequence[Served],
        labels: Mapping[str, Mapping[str, str]],
        others: Sequence[ModelVersion],
    ) -> None:
        self._models = models
        self._labels = labels
        self._others = others
        self.changes: list[str] = []

    @contextmanager
    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",  # noqa: ARG002 - each model has what it needs
        computes: bool = True,  # noqa: ARG002 - likewise
    ) -> Iterator[Served]:
        known = {model.version: model for model in self._models if model.name == name}
        waiting = {other.version for other in self._others if other.model == name}
        if not known and not waiting:
            raise UnknownModel("expected a model")
        if label and label not in self._labels.get(name, {}):
            raise UnknownLabel("expected a label")
        version = self._labels[name][label] if label else version
        if version and version not in {*known, *waiting}:
            raise UnknownVersion("expected a version")
        if not known or version in waiting:
            raise Unavailable("expected a version that answers")
        yield known[version or max(known)]

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        listed = [
            *(ModelVersion(it.name, it.version, State.AVAILABLE) for it in self._models),
            *self._others,
        ]
        found = [it for it in listed if name in ("", it.model)]
        if not found:
            raise UnknownModel("expected a model")
        return sorted(found, key=lambda it: (it.model, -int(it.version)))

    def load(self, name: str) -> None:
        if name == "failed":
            raise Unavailable("expected a model that can be loaded")
        self.changes.append(f"load {name}")

    def unload(self, name: str) -> None:
        self.changes.append(f"unload {name}")


def one(function: Computation) -> Mapping[str, Computation]:
    return {"serving_default": function}


def double(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    return {"y": np.multiply(tensors["x"], np.float32(2))}


def join(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    a, b = tensors["a"], tensors["b"]
    added = np.add(a, b, dtype=np.float64)
    return {"sum": added, "rows": np.arange(len(a)), "both": np.greater(a, b)}


def count_features(example: bytes) -> int:
    return len(Example.FromString(example).features.feature)


def name_classes(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    rows = [[count_features(each), 0.25] for each in tensors["inputs"].tolist()]
    labels = np.array([[b"many", b"few"]] * len(rows), object)
    return {"scores": np.array(rows, np.float32), "classes": labels}


def count(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    counted = [count_features(each) for each in tensors["inputs"].tolist()]
    return {"outputs": np.array(counted, np.float32)}


def same(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    return tensors


def serve() -> ServedModels:
    """Models of every kind."""
    doubling = Computation([spec("x", "f4", (-1, 2))], [spec("y", "f4", (-1, 2))], double)
    joining = Computation(
        [spec("a", "i4"), spec("b", "f4")],
        [spec("sum", "f8"), spec("rows", "i8"), spec("both", "?")],
        join,
    )
    texts = Computation(
        [spec("text", "O")],
        [spec("text", "O"), spec("raw_bytes", "O")],
        lambda tensors: {"text": tensors["text"], "raw_bytes": tensors["text"]},
    )
    pictures = Computation(
        [spec("image", "f4", (-1, 2, 2, 3))],
        [spec("scores", "f4", (-1, 2))],
        lambda tensors: {"scores": tensors["image"].mean(axis=(2, 3))},
        picture="image",
        classes=("light", "dark"),
    )
    classes = Computation(
        [spec("inputs", "O")], [spec("scores", "f4"), spec("classes", "O")], name_classes
    )
    values = Computation([spec("inputs", "O")], [spec("outputs", "f4")], count)
    scalar = Computation([spec("x", "f4", ())], [spec("y", "f4", ())], double)
    echoes = {
        f"echo-{dtype.replace('?', 'bool')}": Computation(
            [spec("x", dtype, None)], [spec("x", dtype, None)], same
        )
        for dtype in DTYPES
    }
    models = [
        Served("double", "1", one(doubling)),
        Served("double", "3", {**one(doubling), "other": joining}),
        Served("join", "0", one(joining)),
        Served("texts", "1", one(texts)),
        Served("pictures", "1", one(pictures)),
        Served("rows", "1", {"serving_default": classes, "count": values, "plain": doubling}),
        Served("scalar", "1", one(scalar)),
        *(Served(name, "1", one(echo)) for name, echo in echoes.items()),
    ]
    others = [
        ModelVersion("loading", "1", State.LOADING),
        ModelVersion("failed", "1", State.END, "no such file"),
    ]
    return ServedModels(models, {"double": {"stable": "1"}, "rows": {"stable": "1"}}, others)


def offer() -> Offer:
    return Offer(serve(), most_bytes=MOST_BYTES)
