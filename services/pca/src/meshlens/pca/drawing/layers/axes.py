"""The ground of a panel: grid, numbers and names along its edges."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import shorten
from meshlens.pca.drawing.layout.ticks import Ticks, find_ticks
from meshlens.pca.drawing.svg.marks import Bulk, Mark, path, rect, text

Array: TypeAlias = npt.NDArray[np.float64]

_TICK_DISTANCE = 50.0


def draw_ground(
    panel: Panel, labels: tuple[str, str], *, zero: bool, x_ticks: Ticks | None = None
) -> list[Mark]:
    """Draw the grid and what stands along the lower and the left edge.

    Args:
        panel: where.
        labels: of x and y.
        zero: stress the lines at zero: they are the axes of what is shown.
        x_ticks: instead of round numbers along x.
    """
    (low_x, low_y), (high_x, high_y) = panel.low.tolist(), panel.high.tolist()
    x_ticks = x_ticks or find_ticks(low_x, high_x, most=max(2, int(panel.width / _TICK_DISTANCE)))
    y_ticks = find_ticks(low_y, high_y, most=max(2, int(panel.height / _TICK_DISTANCE)))
    x_unit, y_unit = panel.unit.tolist()
    left, right, top, bottom = panel.left, panel.right, panel.top, panel.bottom
    columns = [left + x_unit * (x - low_x) for x in x_ticks.positions]
    rows = [bottom + y_unit * (y - low_y) for y in y_ticks.positions]
    grid = [f"M{x:.1f} {top:g}V{bottom:.1f}" for x in columns]
    grid += [f"M{left:g} {y:.1f}H{right:.1f}" for y in rows]
    marks = [
        rect(left, top, panel.width, panel.height, "panel", round_=4),
        path("".join(grid), "grid"),
    ]
    if zero:
        x, y = left - x_unit * low_x, bottom - y_unit * low_y
        cross = [f"M{x:.1f} {top:g}V{bottom:.1f}"] if left <= x <= right else []
        cross += [f"M{left:g} {y:.1f}H{right:.1f}"] if top <= y <= bottom else []
        marks.append(path("".join(cross), "zero"))
    below = [(x, bottom + 18) for x in columns]
    marks.append(_number(x_ticks.labels, below, "ticks middle"))
    beside = [(left - 8, y + 4) for y in rows]
    marks.append(_number(y_ticks.labels, beside, "ticks end"))
    x_name = x_ticks.label_axis(shorten(labels[0], panel.width))
    y_name = y_ticks.label_axis(shorten(labels[1], panel.height))
    marks.append(text(x_name, left + panel.width / 2, bottom + 40, "middle"))
    marks.append(text(y_name, 20, top + panel.height / 2, "middle", turned=True))
    return marks


def _number(labels: Sequence[str], places: Sequence[tuple[float, float]], class_: str) -> Bulk:
    """Return the numbers along an edge: half of the elements of a small picture."""
    texts = [
        f'<text x="{x:.1f}" y="{y:.1f}">{label}</text>'
        for label, (x, y) in zip(labels, places, strict=True)
    ]
    return Bulk(class_, "".join(texts))
