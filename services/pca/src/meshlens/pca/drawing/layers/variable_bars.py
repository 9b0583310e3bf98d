"""Bars of variables, in the colours of two components."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from meshlens.pca.drawing.captions import join_names, name_component
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.bars import Bars
from meshlens.pca.drawing.svg.marks import Mark, group, path, rect

_THICKNESS = 0.76  # of a row
_CLASSES = ("pc1", "pc2")


@dataclass(frozen=True, slots=True, eq=False)
class VariableBars(Layer[Bars]):
    """Two bars for each variable, one below the other, or one after the other if they are parts."""

    bars: Bars

    @classmethod
    def of(cls, scene: Bars) -> Self:
        """Return the bars."""
        return cls(scene)

    def legend(self) -> Sequence[Section]:
        """Return the components, and what the line of the average is."""
        model = self.bars.subject.model
        entries = [
            entry(rect(2, -10, 12, 12, class_, round_=2), name_component(model, place))
            for class_, place in zip(_CLASSES, self.bars.components, strict=True)
        ]
        if self.bars.average is not None:
            line = path("M8 -11V1", "average")
            entries.append(entry(line, f"all alike, {self.bars.average:.3g} %"))
        return (Section("", tuple(entries)),)

    def caption(self) -> Sequence[str]:
        """Return how many variables are left out."""
        shown, hidden = len(self.bars.rows), self.bars.hidden
        if not hidden:
            return ()
        most = f"The {shown} of {shown + hidden} variables that have most are drawn"
        return (f"{most}; a greater height shows more.",)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the bars, and the average above them."""
        panel, bars = canvas.panel, self.bars
        row = panel.height / len(bars.rows)
        height = _THICKNESS * row / (1 if bars.measured.stacked else 2)
        x_unit = float(panel.unit[0])
        zero, _ = panel.to_pixels(np.zeros(2)).tolist()
        marks = []
        for place, (name, values) in enumerate(zip(bars.rows, bars.values.tolist(), strict=True)):
            top, start = panel.top + row * place + (1 - _THICKNESS) * row / 2, zero
            for value, class_, component in zip(values, _CLASSES, bars.components, strict=True):
                end = start + value * x_unit
                bar = rect(min(start, end), top, abs(end - start), height, class_)
                said = f"{name}, PC {component + 1}: {value:.3g}{bars.measured.unit}"
                marks.append(group("", (bar,), title=said))
                if bars.measured.stacked:
                    start = end
                else:
                    top += height
        if bars.average is not None:
            x = zero + bars.average * x_unit
            if x <= panel.right:
                marks.append(path(f"M{x:.1f} {panel.top:g}V{panel.bottom:.1f}", "average"))
        return marks

    def spoken(self) -> Sequence[str]:
        """Return the variables, the most important first."""
        return (f"{self.bars.labels[0]} of {join_names(self.bars.rows)}",)
