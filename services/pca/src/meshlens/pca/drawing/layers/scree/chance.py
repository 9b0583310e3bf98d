"""What components would explain by chance: the average, and a stick broken at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.scree import Scree
from meshlens.pca.drawing.svg.marks import Mark, path, trace

Array: TypeAlias = npt.NDArray[np.float64]

_SYMBOL = "M0 -4H16"
_CAPTION = (
    "Broken stick: shares of a whole that is broken at random. Components above it, or above the"
    " average (Kaiser's rule), say more than chance would."
)


@dataclass(frozen=True, slots=True)
class ChanceLines(Layer[Scree]):
    """Two lines to compare components with.

    Attributes:
        shown: how many components are drawn.
        rank: how many can have a variance at all.
    """

    shown: int
    rank: int

    @classmethod
    def of(cls, scene: Scree) -> Self:
        """Return the lines, which every scree plot has."""
        return cls(len(scene.shares), scene.rank)

    def legend(self) -> Sequence[Section]:
        """Return what the lines are."""
        stick = entry(path(_SYMBOL, "guide"), "broken stick")
        average = entry(path(_SYMBOL, "average"), f"average, {100.0 / self.rank:.3g} %")
        return (Section("", (stick, average)),)

    def caption(self) -> Sequence[str]:
        """Return what the lines are good for."""
        return (_CAPTION,)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the lines."""
        panel = canvas.panel
        # A last component of no variance has no piece of the stick.
        pieces = np.append(break_stick(self.rank), 0.0)[: self.shown]
        stick = panel.to_pixels(np.column_stack([np.arange(1.0, self.shown + 1), pieces]))
        average = panel.bottom + float(panel.unit[1]) * 100.0 / self.rank
        return (
            path(f"M{panel.left:g} {average:.1f}H{panel.right:.1f}", "average"),
            path(trace(stick), "guide"),
        )


def break_stick(pieces: int) -> Array:
    """Return (pieces,): the expected lengths, in per cent, of a stick that breaks at random."""
    lengths: Array = 100.0 * np.cumsum(1.0 / np.arange(pieces, 0, -1))[::-1] / pieces
    return lengths
