"""A rectangle of the picture with data units along its edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

_FLATTEST = 1e-9  # of the longer side: below, a spread is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """A rectangle in pixels, and the data units at its edges.

    Attributes:
        left: pixels; y grows downwards.
        top: pixels.
        width: pixels.
        height: pixels.
        low: (2,), data units at the left and the lower edge.
        high: (2,), data units at the right and the upper edge.
    """

    left: float
    top: float
    width: float
    height: float
    low: Array
    high: Array

    @property
    def right(self) -> float:
        """Pixels."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Pixels."""
        return self.top + self.height

    @property
    def unit(self) -> Array:
        """(2,): pixels for each unit of x and y; y grows upwards in data, downwards in pixels."""
        return np.array([self.width, -self.height]) / (self.high - self.low)

    def to_pixels(self, points: Array) -> Array:
        """Return (n, 2) positions in the picture of (n, 2) points in data units."""
        pixels: Array = (points - self.low) * self.unit
        pixels += [self.left, self.bottom]
        return pixels


def span(parts: Sequence[Array]) -> tuple[Array, Array]:
    """Return the least and the greatest x and y of all points in (n, 2) parts."""
    # A column at a time: numpy takes five times as long over the short axis.
    low = [min(float(part[:, axis].min()) for part in parts if len(part)) for axis in (0, 1)]
    high = [max(float(part[:, axis].max()) for part in parts if len(part)) for axis in (0, 1)]
    return np.array(low), np.array(high)


def frame(
    low: Array,
    high: Array,
    *,
    left: float,
    top: float,
    width: float,
    height: float,
    margin: float,
    equal: bool,
) -> Panel:
    """Show all from low to high, `margin` pixels from the edges.

    Args:
        low: (2,), data units.
        high: (2,), data units, not less than low.
        left: of the panel, in pixels.
        top: of the panel, in pixels.
        width: of the panel, in pixels.
        height: of the panel, in pixels.
        margin: pixels, less than half of width and height.
        equal: one unit is as long on either axis. It always is where one of the spreads is zero.
    """
    size = np.array([width, height])
    spread = high - low
    units = spread / (size - 2 * margin)
    if equal or spread.min() <= _FLATTEST * spread.max():
        units = np.full(2, units.max() or 1.0)
    middle = low + spread / 2
    half = units * size / 2
    return Panel(left, top, width, height, low=middle - half, high=middle + half)
