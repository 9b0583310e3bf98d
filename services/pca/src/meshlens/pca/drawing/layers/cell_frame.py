"""The frame of one plane of several: background, and ticks and names along the outer edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.text_width import SMALL, shorten
from meshlens.pca.drawing.layout.ticks import find_ticks
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.svg.marks import Mark, group, path, rect, text

_TICK_DISTANCE = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class CellFrame(Layer[Plane]):
    """What stands below the points of a plane, and beside it where it is the outermost."""

    plane: Plane

    @classmethod
    def of(cls, scene: Plane) -> Self:
        """Return the frame, which every plane of several has."""
        return cls(scene)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the frame."""
        panel = canvas.panel
        below, beside = self.plane.cell or (False, False)
        x_name, y_name = self.plane.labels
        return [
            rect(panel.left, panel.top, panel.width, panel.height, "panel", round_=3),
            _draw_zero(panel),
            *(_label_x(panel, x_name) if below else ()),
            *(_label_y(panel, y_name) if beside else ()),
        ]


def _label_x(panel: Panel, name: str) -> list[Mark]:
    (low, _), (high, _) = panel.low.tolist(), panel.high.tolist()
    ticks = find_ticks(low, high, most=max(2, int(panel.width / _TICK_DISTANCE)))
    unit = float(panel.unit[0])
    numbers = [
        text(label, panel.left + unit * (x - low), panel.bottom + 14, "small")
        for x, label in zip(ticks.positions, ticks.labels, strict=True)
    ]
    label = shorten(ticks.label_axis(name), panel.width, font_size=SMALL)
    middle = panel.left + panel.width / 2
    return [
        group("ticks middle", numbers),
        text(label, middle, panel.bottom + 32, "small middle"),
    ]


def _label_y(panel: Panel, name: str) -> list[Mark]:
    (_, low), (_, high) = panel.low.tolist(), panel.high.tolist()
    ticks = find_ticks(low, high, most=max(2, int(panel.height / _TICK_DISTANCE)))
    unit = float(panel.unit[1])
    numbers = [
        text(label, panel.left - 6, panel.bottom + unit * (y - low) + 4, "small")
        for y, label in zip(ticks.positions, ticks.labels, strict=True)
    ]
    label = shorten(ticks.label_axis(name), panel.height, font_size=SMALL)
    middle = panel.top + panel.height / 2
    return [
        group("ticks end", numbers),
        text(label, 24, middle, "small middle", turned=True),
    ]


def _draw_zero(panel: Panel) -> Mark:
    x, y = panel.to_pixels(np.zeros(2)).tolist()
    shape = (
        f"M{x:.1f} {panel.top:.1f}V{panel.bottom:.1f}M{panel.left:.1f} {y:.1f}H{panel.right:.1f}"
    )
    return path(shape, "zero")
