"""Many points -> few marks that keep density and outliers true.

The panel is divided into square cells. A point in a sparse cell keeps its exact place; so outliers
do. Other cells are filled, in a few levels that double or more in count. A filled cell with points
of several groups takes the colour of one of them: over many cells, as often as its points are.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.layout.panel import Panel

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

MOST_CELLS = 120_000
MOST_EXACT = 60_000
LEVELS = 7
_SMALLEST_CELL = 2.0  # pixels
_SPARSE = (3, 2)  # points in a cell whose places may be kept; a point alone always keeps its own
# Weyl's sequence in two dimensions with the least discrepancy (Roberts 2018).
_WEYL = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, slots=True)
class Level:
    """Cells with at least `low` and at most `high` points."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Where points are, by cells.

    Attributes:
        cell: its side in pixels.
        counts: (rows, columns), points in each cell; row 0 is at the top.
        colours: (rows, columns), the group whose colour the cell has.
        exact: (n,), the points whose place is kept; the cells of others are filled.
        sparse: most points of a cell that is not filled.
        levels: of the filled cells, from thin to dense.
    """

    cell: float
    counts: Whole
    colours: Whole
    exact: npt.NDArray[np.bool_]
    sparse: int
    levels: tuple[Level, ...]

    def runs(self, level: Level, group: int) -> Whole:
        """Return (m, 3): column, row and length of the runs of cells of a level and a group."""
        chosen = (self.counts >= level.low) & (self.counts <= level.high) & (self.colours == group)
        edges = np.diff(np.pad(chosen, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        rows, starts = np.nonzero(edges == 1)
        _, ends = np.nonzero(edges == -1)
        return np.column_stack([starts, rows, ends - starts])


def count_points(pixels: Array, codes: Whole, groups: int, panel: Panel) -> Density:
    """Count points in the cells of a panel.

    Args:
        pixels: (n, 2), within the panel.
        codes: (n,), the group of each, from 0.
        groups: how many there are.
        panel: where they are.
    """
    cell = max(_SMALLEST_CELL, math.ceil(math.sqrt(panel.width * panel.height / MOST_CELLS)))
    columns, rows = math.ceil(panel.width / cell), math.ceil(panel.height / cell)
    column = ((pixels[:, 0] - panel.left) / cell).astype(np.intp)
    row = ((pixels[:, 1] - panel.top) / cell).astype(np.intp)
    place = np.clip(row, 0, rows - 1) * columns + np.clip(column, 0, columns - 1)
    counts = np.bincount(place, minlength=rows * columns)
    sparse = next((most for most in _SPARSE if _places(counts, most) <= MOST_EXACT), 1)
    return Density(
        cell=cell,
        counts=counts.reshape(rows, columns),
        colours=_mix(place, codes, groups, (rows, columns)),
        exact=counts[place] <= sparse,
        sparse=sparse,
        levels=tuple(_divide(sparse + 1, int(counts.max()))),
    )


def _places(counts: Whole, most: int) -> int:
    """Return how many points lie in cells of at most `most`."""
    return int(counts[counts <= most].sum())


def _divide(low: int, high: int) -> Iterator[Level]:
    """Divide the counts from low to high into levels that grow by one factor, 2 at least."""
    if high < low:
        return
    factor = max(2.0, (high / low) ** (1 / LEVELS))
    start = low
    while start <= high:
        end = max(start, math.ceil(start * factor) - 1)
        yield Level(start, min(end, high))
        start = end + 1


def _mix(place: Whole, codes: Whole, groups: int, shape: tuple[int, int]) -> Whole:
    """Return (rows, columns): for each cell one of its groups, in proportion to their points."""
    rows, columns = shape
    if groups == 1:
        return np.zeros(shape, dtype=np.intp)
    parts = np.bincount(codes * (rows * columns) + place, minlength=groups * rows * columns)
    sums = parts.reshape(groups, rows, columns).cumsum(axis=0)
    x, y = np.arange(columns), np.arange(rows)[:, np.newaxis]
    share = (x * _WEYL[0] + y * _WEYL[1]) % 1.0
    colours: Whole = (sums > share * sums[-1]).argmax(axis=0)
    return colours
