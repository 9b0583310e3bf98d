"""Many points -> few marks that keep density and outliers true.

The panel is divided into square cells. A point in a sparse cell keeps its exact place; so outliers
do. Other cells are filled, in a few levels that double or more in count. A filled cell with points
of several groups takes the colour of one of them: over many cells, as often as its points are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.groups import Looks
from meshlens.pca.drawing.layers.points import Points
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Entry, Section, entry
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.scenes.tally import MOST_PLACED, Cells, Tally
from meshlens.pca.drawing.svg.marks import Mark, group, path
from meshlens.pca.drawing.svg.palette import radius_for

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

MOST_EXACT = 60_000
_LEVELS = 7
_SPARSE = (
    MOST_PLACED,
    2,
)  # points in a cell whose places may be kept; a point alone always keeps its own
# Weyl's sequence in two dimensions with the least discrepancy (Roberts 2018).
_WEYL = (0.7548776662466927, 0.5698402909980532)
_SHADE_WIDTH = 7
_MOST_KEYS, _KEY_HEIGHT = 4, 10.0
_KEY_WIDTH = 180.0  # pixels: seven shades and the counts at either end


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
        exact: (m,), which places of the tally are kept; the cells of all other points are filled.
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


@dataclass(slots=True, eq=False)
class DensityCells(Points):
    """The points of a plane, when there are too many for a mark each.

    Attributes:
        density: where they are, once they are drawn.
    """

    density: Density | None = None

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the cells, if the points are too many for a mark each."""
        return cls(scene) if scene.crowded else None

    def legend(self) -> Sequence[Section]:
        """Return the groups, and what the shades mean."""
        if self.plane.small:
            return Points.legend(self)
        # How many points the cells hold is known once they are drawn, as the legend is later.
        return (*Points.legend(self), Section("", (Entry(self._draw_key, _KEY_WIDTH),)))

    def caption(self) -> Sequence[str]:
        """Return what cells and dots are."""
        return ("Shaded cells count observations; lone ones are dots in their exact place.",)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw exact dots where points are sparse, under runs of cells where they are dense."""
        panel, looks = canvas.panel, self.plane.looks()
        tally = self._count(panel, looks)
        density = self.density = find_density(tally)
        canvas.avoid(tally.places[density.exact])
        canvas.avoid(tally.cells.locate(np.flatnonzero(density.counts > density.sparse)))
        canvas.keep_clear(panel.to_pixels(self.plane.mean))
        width = 2 * radius_for(self.plane.n)
        shade = "opacity" if looks.several else "shade"
        dots, cells = [], []
        for number in range(len(looks.classes)):
            members = density.exact & (tally.codes == number)
            colour = looks.classes[number] + (" mixed" if looks.several else "")
            shape = (
                "M%.1f %.1fh0" * int(members.sum()) % tuple(tally.places[members].ravel().tolist())
            )
            if shape:
                dots.append(path(shape, f"dots {colour}", width=width))
            levels = [
                path(_draw_runs(runs), f"{shade}{place}", title=_describe(level, density.cell))
                for place, level in enumerate(density.levels)
                if len(runs := density.runs(level, number))
            ]
            if levels:
                cells.append(group(f"cells {colour}", levels))
        move = f"translate({panel.left:g} {panel.top + density.cell / 2:g})"
        move += f" scale({density.cell:g})"
        return [*dots, group("", cells, transform=move)] if cells else dots

    def _count(self, panel: Panel, looks: Looks) -> Tally:
        """Return the counts of the points, which may be known without these."""
        cloud = self.plane.cloud
        if cloud is not None and cloud.tally is not None:
            return cloud.tally
        pixels = panel.to_pixels(self.plane.points)
        return Tally.of(pixels, looks.colours, len(looks.classes), Cells.of(panel))

    def _draw_key(self) -> Mark:
        """Return the shades of cells and the counts at either end; nothing if none is filled."""
        levels = self.density.levels if self.density else ()
        if not levels:
            return Mark("")
        width = _SHADE_WIDTH * len(levels)
        looks = self.plane.looks()
        shade = "opacity" if looks.several else "shade"
        # As many colours as can be told apart in the height of a line.
        classes = ("ink",) if self.plane.shading else looks.classes[:_MOST_KEYS]
        height = _KEY_HEIGHT / len(classes)
        keys = []
        for row, class_ in enumerate(classes):
            y = -_KEY_HEIGHT + height * (row + 0.5)
            shades = [
                path(
                    f"M{_SHADE_WIDTH * place} {y:.1f}h{_SHADE_WIDTH}",
                    f"{shade}{place}",
                    width=height,
                )
                for place in range(len(levels))
            ]
            keys.append(group(f"cells {class_}{' mixed' if looks.several else ''}", shades))
        words = entry("", f"{levels[0].low:,}\N{EN DASH}{levels[-1].high:,} per cell").draw()
        moved = group("", (words,), transform=f"translate({width - 16} 0)")
        return Mark("".join(keys) + moved)


def find_density(tally: Tally) -> Density:
    """Return which places of a tally are kept, and how its other cells are filled."""
    counts = tally.totals
    sparse = next((most for most in _SPARSE if _places(counts, most) <= MOST_EXACT), 1)
    return Density(
        cell=tally.cells.side,
        counts=counts,
        colours=_mix(tally.counts),
        exact=counts.ravel()[tally.cells.find(tally.places)] <= sparse,
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
    factor = max(2.0, (high / low) ** (1 / _LEVELS))
    start = low
    while start <= high:
        end = max(start, math.ceil(start * factor) - 1)
        yield Level(start, min(end, high))
        start = end + 1


def _mix(counts: Whole) -> Whole:
    """Return (rows, columns): for each cell one of its groups, in proportion to their points.

    Args:
        counts: (groups, rows, columns), of these points.
    """
    groups, rows, columns = counts.shape
    if groups == 1:
        return np.zeros((rows, columns), dtype=np.intp)
    sums = counts.cumsum(axis=0)
    x, y = np.arange(columns), np.arange(rows)[:, np.newaxis]
    share = (x * _WEYL[0] + y * _WEYL[1]) % 1.0
    colours: Whole = (sums > share * sums[-1]).argmax(axis=0)
    return colours


def _describe(level: Level, cell: float) -> str:
    """Return what the darkness of a cell means."""
    counts = f"{level.low:,} to {level.high:,}" if level.low < level.high else f"{level.low:,}"
    return f"{counts} observations in {cell:g} \N{MULTIPLICATION SIGN} {cell:g} pixels"


def _draw_runs(runs: Whole) -> str:
    return "M%d %dh%d" * len(runs) % tuple(runs.ravel().tolist())
