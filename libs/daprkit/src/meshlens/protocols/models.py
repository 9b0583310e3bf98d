"""What a service offers to clients of other model servers: named models of named functions.

A service implements these; the protocols know nothing else of it.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from meshlens.daprkit.messages import Provenance

Array: TypeAlias = NDArray[np.generic]


class Tensor(Protocol):
    """An input or an output of a function."""

    @property
    def name(self) -> str:
        """The model's name for it."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Sizes of its axes, -1 where the model leaves one open; None if their number is open."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of its elements; object for bytes."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A look for outputs that are kept.

    Attributes:
        found: whether they were; otherwise they were computed, and kept where that is allowed.
        ns: nanoseconds that looking took, and keeping.
    """

    found: bool
    ns: int


class Function(Protocol):
    """One function of a model, which other protocols call a signature."""

    @property
    def inputs(self) -> Sequence[Tensor]:
        """What `run` takes."""

    @property
    def outputs(self) -> Sequence[Tensor]:
        """What `run` returns."""

    @property
    def picture(self) -> str:
        """The input that `read_picture` makes; empty if the function takes no pictures."""

    @property
    def widens(self) -> bool:
        """Whether inputs may be sent as narrower floats, which then become its own type."""

    def read_picture(self, data: bytes) -> Array:
        """Return the input for the encoded picture in `data`, such as a JPEG, its batch axis first.

        Raises:
            Fault: it is no picture, or too large.
        """

    def labels(self, output: str) -> Sequence[str]:
        """Return the names of the classes whose scores are the output; empty if it has none."""

    def run(self, tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        """Compute every output from one array per input, of its type and shape.

        Raises:
            Fault: the model cannot compute with these arrays.
        """

    @property
    def lookup(self) -> Lookup | None:
        """How `run` last looked for outputs that are kept; None if it did not."""


class Model(Protocol):
    """A version of a model that answers."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its number."""

    @property
    def provenance(self) -> Provenance:
        """Which bytes it is, and who vouches for them."""

    @property
    def platform(self) -> str:
        """What runs it, such as tensorflow_tflite or tensorflow_savedmodel."""

    @property
    def functions(self) -> Mapping[str, Function]:
        """Its functions by name, the default one first."""


class State(StrEnum):
    """Where a version of a model is in its life, by the names of TensorFlow Serving."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a model, whether it answers or not.

    Attributes:
        model: the name of its model.
        version: its number.
        state: where it is in its life.
        error: why it does not answer; empty if it does, or nothing has failed.
        labels: those that stand for it.
    """

    model: str
    version: str
    state: State
    error: str = ""
    labels: Collection[str] = ()


class Models(Protocol):
    """The models of a service."""

    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",
        computes: bool = True,
    ) -> AbstractContextManager[Model]:
        """Keep a version loaded for as long as it is used.

        Args:
            name: of the model.
            version: its number; with neither it nor a label, the service chooses.
            label: stands for a version.
            key: requests with the same one may get the same version where the service chooses.
            computes: whether it is used for more than a description of it.

        Raises:
            UnknownModel, UnknownVersion, UnknownLabel: there is none.
            Unavailable: it is there and does not answer now.
            Fault: the key cannot be used.
        """

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        """Return every version, the newest of a model first; of all models if the name is empty.

        Raises:
            UnknownModel: there is none of that name.
        """

    def load(self, name: str) -> None:
        """Load the newest version of a model, and keep it loaded.

        Raises:
            UnknownModel: there is none of that name.
            Unavailable: it cannot be loaded.
        """

    def unload(self, name: str) -> None:
        """Unload every version of a model once no request uses it.

        Raises:
            UnknownModel: there is none of that name.
        """
