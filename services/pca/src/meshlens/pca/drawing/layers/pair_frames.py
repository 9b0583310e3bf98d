"""The frames of a pairs plot: backgrounds, ticks and names along the outer edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.text_width import SMALL, shorten
from meshlens.pca.drawing.layout.ticks import find_ticks
from meshlens.pca.drawing.scenes.pairs import Pairs
from meshlens.pca.drawing.svg.marks import Mark, group, path, rect, text

_TICK_DISTANCE = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class PairFrames(Layer[Pairs]):
    """A frame for each plane, with a component along x below and one along y to the left."""

    pairs: Pairs

    @classmethod
    def of(cls, scene: Pairs) -> Self:
        """Return the frames."""
        return cls(scene)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the frames."""
        last = len(self.pairs.components) - 2
        marks = []
        panels = self.pairs.divide(canvas.panel)
        for (row, column, _), panel in zip(self.pairs.planes, panels, strict=True):
            marks.append(rect(panel.left, panel.top, panel.width, panel.height, "panel", round_=3))
            marks.append(_draw_zero(panel))
            if row == last:
                marks += _label_x(panel, self.pairs.name(column))
            if column == 0:
                marks += _label_y(panel, self.pairs.name(row + 1))
        return marks

    def spoken(self) -> Sequence[str]:
        """Return the components."""
        names = [self.pairs.name(position) for position in range(len(self.pairs.components))]
        return (f"every two of {join_names(names)}",)


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
