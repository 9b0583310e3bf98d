"""What classify needs of a runtime: named tensors in, named tensors out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
        name: as the model calls it.
        shape: sizes of its axes, -1 where the model leaves one open; None if it leaves even
            their number open.
        dtype: of its numbers; object for bytes and text.
        quantization: how integers stand for reals, None if they do not.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: np.dtype[np.generic]
    quantization: Quantization | None = None


class Signature(Protocol):
    """One function of a model: an array for each name in and out."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What `run` wants."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What `run` answers."""

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output from one array for each input; any number of threads may call.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
        """


class Engine(Protocol):
    """A loaded model."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Its functions by name, the one to use unless told otherwise first."""

    def close(self) -> None:
        """Wait for what runs, then give the memory back."""
