"""Many points as counts in the cells of a panel, which are added wherever the points are counted.

Counts of all points together, and the sum of the counts of some and of the others, are the same;
so are the places that are kept. So a picture is the same whether its points are at hand at once or
in parts.
"""

import math
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.panel import Panel

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

MOST_CELLS = 120_000
MOST_PLACED = 3  # points in a cell whose places are kept
_SMALLEST_CELL = 2.0  # pixels


@dataclass(frozen=True, slots=True)
class Cells:
    """Square cells that cover a panel; row 0 is at the top.

    Attributes:
        left: of the panel, in pixels.
        top: of the panel, in pixels.
        side: of a cell, in pixels.
        rows: of cells.
        columns: of cells.
    """

    left: float
    top: float
    side: float
    rows: int
    columns: int

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """Return the cells of a panel: as small as can be seen, and at most `MOST_CELLS`."""
        side = max(_SMALLEST_CELL, math.ceil(math.sqrt(panel.width * panel.height / MOST_CELLS)))
        rows, columns = math.ceil(panel.height / side), math.ceil(panel.width / side)
        return cls(panel.left, panel.top, side, rows, columns)

    def find(self, pixels: Array) -> Whole:
        """Return (n,) the cells of points (n, 2) within the panel, counted along the rows."""
        column = ((pixels[:, 0] - self.left) / self.side).astype(np.intp)
        row = ((pixels[:, 1] - self.top) / self.side).astype(np.intp)
        place: Whole = np.clip(row, 0, self.rows - 1) * self.columns
        place += np.clip(column, 0, self.columns - 1)
        return place

    def locate(self, places: Whole) -> Array:
        """Return (n, 2) the middles in pixels of cells (n,), counted along the rows."""
        row, column = np.divmod(places, self.columns)
        middles: Array = (np.column_stack([column, row]) + 0.5) * self.side
        middles += [self.left, self.top]
        return middles


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many points are in each cell, and where those are that share it with few others.

    Attributes:
        cells: of the panel.
        counts: (groups, rows, columns), points of each group in each cell.
        places: (m, 2), pixels, in the order of the points: those in cells that have at most
            `MOST_PLACED`.
        codes: (m,), the group of each of these.
    """

    cells: Cells
    counts: Whole
    places: Array
    codes: Whole

    @classmethod
    def of(cls, pixels: Array, codes: Whole, groups: int, cells: Cells) -> Self:
        """Count points.

        Args:
            pixels: (n, 2), within the panel.
            codes: (n,), the group of each, from 0.
            groups: how many there are.
            cells: of the panel.
        """
        size = cells.rows * cells.columns
        place = cells.find(pixels)
        counts = np.bincount(codes * size + place, minlength=groups * size).reshape(groups, -1)
        few = counts.sum(axis=0)[place] <= MOST_PLACED
        shape = groups, cells.rows, cells.columns
        return cls(cells, counts.reshape(shape), pixels[few], codes[few])

    @property
    def n(self) -> int:
        """How many points there are."""
        return int(self.counts.sum())

    @property
    def totals(self) -> Whole:
        """(rows, columns), points of all groups in each cell."""
        totals: Whole = self.counts.sum(axis=0)
        return totals

    def merge(self, other: Self) -> Self:
        """Return the tally of these points and those of another one that follow them.

        Raises:
            ValueError: it has other cells, or other groups.
        """
        if self.cells != other.cells or len(self.counts) != len(other.counts):
            raise ValueError("tallies that are merged must have the same cells and groups")
        counts = self.counts + other.counts
        places = np.concatenate([self.places, other.places])
        codes = np.concatenate([self.codes, other.codes])
        few = counts.sum(axis=0).ravel()[self.cells.find(places)] <= MOST_PLACED
        return type(self)(self.cells, counts, places[few], codes[few])


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Observations as points of a plane, where their variables are not at hand.

    Attributes:
        points: (m, 2), all of them; of many those that reach farthest along x and y, and the
            outermost.
        n: how many there are in all.
        tally: of many, all of them; None until the panel is known in whose cells they are counted.
    """

    points: Array
    n: int
    tally: Tally | None = None
