"""What the first components explain together, as a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.scree import Scree
from meshlens.pca.drawing.svg.marks import Mark, circle, group, path, trace

_DOT = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeLine(Layer[Scree]):
    """A dot above each component, on a line."""

    scree: Scree
    over: ClassVar[bool] = True

    @classmethod
    def of(cls, scene: Scree) -> Self:
        """Return the line, which every scree plot has."""
        return cls(scene)

    def legend(self) -> Sequence[Section]:
        """Return what the line means."""
        symbol = group("", (path("M0 -4H16", "step"), circle(8, -4, _DOT, "pc1")))
        return (Section("", (entry(symbol, "cumulative"),)),)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the line, and the dots above it."""
        sums = self.scree.shares.cumsum()
        numbers = np.arange(1.0, len(sums) + 1)
        places = canvas.panel.to_pixels(np.column_stack([numbers, sums]))
        dots = [
            group("", (circle(x, y, _DOT, "pc1"),), title=f"PC 1 to {number}: {total:.2f} %")
            for number, ((x, y), total) in enumerate(
                zip(places.tolist(), sums.tolist(), strict=True), start=1
            )
        ]
        return [path(trace(places), "step"), *dots]
