"""Models without an engine, for tests of what stands around them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from meshlens.daprkit.messages import Provenance
from meshlens.faults import Fault
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.models import Array, Model, ModelVersion, State

Compute = Callable[[Mapping[str, Array]], Mapping[str, Array]]
PROVENANCE = Provenance("5" * 64, "verified", "6" * 64)


@dataclass(frozen=True)
class FakeTensor:
    """An input or an output."""

    name: str
    shape: tuple[int, ...] | None
    dtype: np.dtype[np.generic]


def tensor(
    name: str, shape: tuple[int, ...] | None = (-1,), dtype: object = np.float32
) -> FakeTensor:
    return FakeTensor(name, shape, np.dtype(dtype))  # type: ignore[call-overload] # whatever numpy takes


@dataclass
class FakeFunction:
    """Returns its inputs under the names of its outputs, unless told otherwise."""

    inputs: Sequence[FakeTensor]
    outputs: Sequence[FakeTensor]
    compute: Compute | None = None
    picture: str = ""
    widens: bool = False
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seen: list[Mapping[str, Array]] = field(default_factory=list)

    def read_picture(self, data: bytes) -> Array:
        """One row of the bytes: "a picture" is what has three of them."""
        if len(data) != 3:
            raise Fault("expected a picture")
        return np.frombuffer(data, np.uint8).astype(np.float32).reshape(1, 3)

    def labels(self, output: str) -> Sequence[str]:
        return self.names.get(output, ())

    def run(self, tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        self.seen.append(dict(tensors))
        if self.compute:
            return self.compute(tensors)
        return {
            given.name: tensors[taken.name]
            for taken, given in zip(self.inputs, self.outputs, strict=True)
        }

    @property
    def lookup(self) -> None:
        """None: nothing is kept."""


@dataclass
class FakeModel:
    """A version that answers."""

    name: str
    functions: Mapping[str, FakeFunction]
    version: str = "1"
    platform: str = "tensorflow_tflite"
    provenance: Provenance = PROVENANCE


def identity(
    name: str, shape: tuple[int, ...] | None = (-1,), dtype: object = np.float32
) -> FakeModel:
    """A model that answers its only input x as y."""
    function = FakeFunction([tensor("x", shape, dtype)], [tensor("y", shape, dtype)])
    return FakeModel(name, {"serving_default": function})


class FakeModels:
    """Models that always answer, but for what `states` says."""

    def __init__(self, *models: FakeModel, labels: Mapping[str, str] | None = None) -> None:
        self.models = {model.name: model for model in models}
        self.states: dict[str, State] = {}
        self.label_versions = labels or {}

    @contextmanager
    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",  # noqa: ARG002 - each model has what it needs
        computes: bool = True,  # noqa: ARG002 - likewise
    ) -> Iterator[Model]:
        model = self._find(name)
        if label and label not in self.label_versions:
            raise UnknownLabel("no such label")
        if (version or self.label_versions.get(label, model.version)) != model.version:
            raise UnknownVersion("no such version")
        if self.states.get(name, State.AVAILABLE) is not State.AVAILABLE:
            raise Unavailable("it does not answer now")
        yield model

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        models = [self._find(name)] if name else self.models.values()
        return [
            ModelVersion(
                it.name,
                it.version,
                self.states.get(it.name, State.AVAILABLE),
                labels=[label for label, at in self.label_versions.items() if at == it.version],
            )
            for it in models
        ]

    def load(self, name: str) -> None:
        self._find(name)
        if self.states.get(name) is State.START:
            raise Unavailable("its file is damaged")
        self.states[name] = State.AVAILABLE

    def unload(self, name: str) -> None:
        self._find(name)
        self.states[name] = State.END

    def _find(self, name: str) -> FakeModel:
        if name not in self.models:
            raise UnknownModel("no such model")
        return self.models[name]
