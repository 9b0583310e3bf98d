"""What a model's outputs hold of each box, whatever their form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor


@dataclass(frozen=True, slots=True)
class Rows:
    """Every box that a model has answered, sure or not.

    Attributes:
        sides: (n, 4), x1, y1, x2, y2.
        scores: (n,).
        classes: (n,), None if the model has no classes.
    """

    sides: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.float64] | None


class Layout(Protocol):
    """A form of the outputs of a detector."""

    @property
    def form(self) -> str:
        """How the outputs are read, for people."""

    def read(self, outputs: Mapping[str, Tensor]) -> Rows:
        """Return the rows in `outputs`.

        Raises:
            InvalidModel: they do not have this form.
        """
