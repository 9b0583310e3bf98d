"""The protocol of a runtime: named tensors in, named tensors out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.formats.card import Kind
from meshlens.classify.formats.producers import Numbers

DEFAULT_SIGNATURE = "serving_default"

Tensor: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (number - zero_point), one scale for the whole tensor."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model.

    Attributes:
        name: the model's name for it.
        shape: sizes of its axes, -1 where the model leaves one open; None if even their number
            is open.
        dtype: of its elements; object for bytes and text.
        quantization: how integers represent reals; None if they do not.
        numbers: what an output holds, by the operators that compute it.
        bounds: the least and the largest real that the model tells apart in an input of floats
            that it quantizes; None if it quantizes none.
        tensor: its name in the graph where the signature has one of its own; callers and cards may
            use either.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: np.dtype[np.generic]
    quantization: Quantization | None = None
    numbers: Numbers = field(default=Numbers.UNKNOWN, compare=False)
    bounds: tuple[float, float] | None = field(default=None, compare=False)
    tensor: str = field(default="", compare=False)

    def is_called(self, name: str) -> bool:
        """Return whether `name` is one of its names; `:0` may be left out."""
        own = [each for each in (self.name, self.tensor) if each]
        return name in own or f"{name}:0" in own


class Signature(Protocol):
    """One function of a model: one array per name, in and out."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` takes."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output from one array per input; safe to call from any number of threads.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
        """


class Engine(Protocol):
    """A loaded model; one that can die is a `Mortal` too."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Its functions by name, the default one first."""

    def close(self) -> None:
        """Wait for running calls, then free the memory."""


@runtime_checkable
class Mortal(Protocol):
    """A loaded model that can die while the service lives, because something else runs it."""

    def when_it_dies(self, tell: Callable[[str], None]) -> None:
        """Call a function with the reason once it has died, unless it is closed before."""


@runtime_checkable
class Elsewhere(Protocol):
    """A loaded model that another process runs."""

    @property
    def pid(self) -> int:
        """The number of that process."""


# Makes one from a kind, the bytes of its file, and the names of inputs and outputs, if not all.
OpenEngine: TypeAlias = Callable[[Kind, bytes, Sequence[str], Sequence[str]], Engine]
