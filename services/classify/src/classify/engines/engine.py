"""What classify needs of a runtime: named tensors in, named tensors out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
        shape: sizes of its axes, -1 where the model leaves one open.
        dtype: of its numbers.
        quantization: how integers stand for reals, None if they do not.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    quantization: Quantization | None = None


class Engine(Protocol):
    """A loaded model, with an array for each name in and out."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What `run` wants."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What `run` answers."""

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Compute every output from one array for each input; any number of threads may call."""

    def close(self) -> None:
        """Wait for what runs, then give the memory back."""
