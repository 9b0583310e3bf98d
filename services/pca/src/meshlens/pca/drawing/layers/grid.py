"""Grid lines, with the numbers of the ticks and the names of the axes along the edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.figure import ROW_WIDTH
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.text_width import shorten
from meshlens.pca.drawing.layout.ticks import find_ticks
from meshlens.pca.drawing.scenes.scene import Scene
from meshlens.pca.drawing.svg.marks import Mark, escape, group, path, rect, text

_TICK_DISTANCE = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Grid(Layer[Scene]):
    """The background of a panel, and what x and y are."""

    scene: Scene

    @classmethod
    def of(cls, scene: Scene) -> Self:
        """Return the grid, which every picture has."""
        return cls(scene)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the grid and what stands along the lower and the left edge."""
        panel = canvas.panel
        (low_x, low_y), (high_x, high_y) = panel.low.tolist(), panel.high.tolist()
        most_x, most_y = (
            max(2, int(side / _TICK_DISTANCE)) for side in (panel.width, panel.height)
        )
        x_ticks = self.scene.number_x(panel) or find_ticks(low_x, high_x, most=most_x)
        names = self.scene.rows
        y_ticks = find_ticks(low_y, high_y, most=most_y)
        x_unit, y_unit = panel.unit.tolist()
        left, right, top, bottom = panel.left, panel.right, panel.top, panel.bottom
        columns = [left + x_unit * (x - low_x) for x in x_ticks.positions]
        rows = [bottom + y_unit * (y - low_y) for y in y_ticks.positions]
        grid = [f"M{x:.1f} {top:g}V{bottom:.1f}" for x in columns]
        y_labels: Sequence[str] = y_ticks.labels
        if names:
            rows = [bottom + y_unit * (-row - low_y) for row in range(len(names))]
            y_labels = [escape(shorten(name, ROW_WIDTH)) for name in names]
        else:
            grid += [f"M{left:g} {y:.1f}H{right:.1f}" for y in rows]
        x_name, y_name = self.scene.labels
        marks = [
            rect(left, top, panel.width, panel.height, "panel", round_=4),
            path("".join(grid), "grid"),
            *([_draw_zero(panel, across=not names)] if self.scene.zero else ()),
            _number(x_ticks.labels, [(x, bottom + 18) for x in columns], "ticks middle"),
            _number(y_labels, [(left - 8, y + 4) for y in rows], "ticks end"),
            text(
                x_ticks.label_axis(shorten(x_name, panel.width)),
                left + panel.width / 2,
                bottom + 40,
                "middle",
            ),
        ]
        if y_name:
            label = y_ticks.label_axis(shorten(y_name, panel.height))
            marks.append(text(label, 20, top + panel.height / 2, "middle", turned=True))
        return marks


def _draw_zero(panel: Panel, *, across: bool) -> Mark:
    """Stress the lines at zero, as far as the panel shows them; across, that of y too."""
    x, y = panel.to_pixels(np.zeros(2)).tolist()
    lines = ""
    if panel.left <= x <= panel.right:
        lines += f"M{x:.1f} {panel.top:g}V{panel.bottom:.1f}"
    if across and panel.top <= y <= panel.bottom:
        lines += f"M{panel.left:g} {y:.1f}H{panel.right:.1f}"
    return path(lines, "zero")


def _number(labels: Sequence[str], places: Sequence[tuple[float, float]], class_: str) -> Mark:
    """Return the numbers along an edge."""
    texts = [
        f'<text x="{x:.1f}" y="{y:.1f}">{label}</text>'
        for label, (x, y) in zip(labels, places, strict=True)
    ]
    return group(class_, texts)
