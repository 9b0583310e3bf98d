"""Observations as marks: each its own while they are few, cells of equal density when many."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.layers.density import Density, Level, count_points
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.svg.marks import Bulk, Mark, escape, group, path
from meshlens.pca.drawing.svg.palette import close, colour_of, template

Array: TypeAlias = npt.NDArray[np.float64]

MOST_MARKS = 3000
_MOST_TITLES = 1000


def radius_for(n: int) -> float:
    """Return the radius in pixels that n points have."""
    return min(5.0, max(1.5, 9.0 / math.pow(max(1, n), 0.2)))


def colour_class(groups: Groups, number: int) -> str:
    """Return the class of the colour of a group, or of all points if there are no groups."""
    if not groups.names:
        return "all"
    return "rest" if groups.rest and number == len(groups.names) - 1 else colour_of(number)


def draw_marks(
    points: Array, pixels: Array, groups: Groups, labels: Sequence[str], *, hollow: bool
) -> Iterator[Mark]:
    """Yield the marks of each group, with the label and place of each while that is not too much.

    Args:
        points: (n, 2), data units, for the titles.
        pixels: (n, 2).
        groups: of the points.
        labels: n of them, or none to number the points from 1.
        hollow: draw rings, for points that the axes were not fitted to.
    """
    n = len(points)
    radius = radius_for(n)
    for number, name in enumerate(groups.names or ("",)):
        members = np.flatnonzero(groups.codes == number) if groups.names else slice(None)
        mark = template(number, radius)
        places = pixels[members].ravel().tolist()
        if n > _MOST_TITLES:
            marks = f"{mark}/>" * (len(places) // 2) % tuple(places)
        else:
            words = _words(labels, n)[members]
            suffix = f", {escape(name)}" if name else ""
            slots = (
                f"{mark}><title>%s{suffix.replace('%', '%%')}: %.4g, %.4g</title>{close(number)}"
            )
            # One formatting of all is the fastest way there is to write numbers.
            parts: list[object] = [None] * (5 * len(words))
            parts[0::5], parts[1::5] = places[0::2], places[1::2]
            parts[2::5] = words.tolist()
            parts[3::5], parts[4::5] = points[members].T.tolist()
            marks = slots * len(words) % tuple(parts)
        hollow_class = " new" if hollow else ""
        yield Bulk(f"points {colour_class(groups, number)}{hollow_class}", marks)


def _words(labels: Sequence[str], n: int) -> npt.NDArray[np.object_]:
    """Return (n,) labels as XML text, or numbers from 1."""
    if labels:
        return np.array([escape(label) for label in labels], dtype=np.object_)
    return np.arange(1, n + 1).astype(np.object_)


def draw_density(pixels: Array, groups: Groups, panel: Panel) -> tuple[Density, list[Mark]]:
    """Draw exact dots where points are sparse, under runs of cells where they are dense."""
    density = count_points(pixels, groups.codes, max(1, len(groups.names)), panel)
    width = 2 * radius_for(len(pixels))
    dots, cells = [], []
    for number in range(max(1, len(groups.names))):
        members = density.exact if not groups.names else density.exact & (groups.codes == number)
        colour = colour_class(groups, number) + (" mixed" if groups.names else "")
        shape = "M%.1f %.1fh0" * int(members.sum()) % tuple(pixels[members].ravel().tolist())
        if shape:
            dots.append(path(shape, f"dots {colour}", width=width))
        levels = [
            path(_draw_runs(runs), f"d{place}", title=describe_level(level, density.cell))
            for place, level in enumerate(density.levels)
            if len(runs := density.runs(level, number))
        ]
        if levels:
            cells.append(group(f"cells {colour}", levels))
    move = f"translate({panel.left:g} {panel.top + density.cell / 2:g}) scale({density.cell:g})"
    return density, [*dots, group("", cells, transform=move)] if cells else dots


def describe_level(level: Level, cell: float) -> str:
    """Say what the darkness of a cell means."""
    counts = f"{level.low:,} to {level.high:,}" if level.low < level.high else f"{level.low:,}"
    return f"{counts} observations in {cell:g} \N{MULTIPLICATION SIGN} {cell:g} pixels"


def _draw_runs(runs: npt.NDArray[np.intp]) -> str:
    return "M%d %dh%d" * len(runs) % tuple(runs.ravel().tolist())
