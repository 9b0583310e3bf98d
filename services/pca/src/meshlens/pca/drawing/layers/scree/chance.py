"""What to compare components with: the average, a stick broken at random, unrelated variables."""

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
_STICK = (
    "Average: Kaiser's rule keeps what is above it, but about half of the components of"
    " unrelated variables are. Broken stick: expected shares of a whole broken at random."
)
_PARALLEL = "Parallel analysis: 95 % of simulations with unrelated variables explain less"


@dataclass(frozen=True, slots=True, eq=False)
class ChanceLines(Layer[Scree]):
    """Lines to compare components with.

    Attributes:
        shown: how many components are drawn.
        rank: how many can have a variance at all.
        simulated: (m,), per cent, the thresholds of parallel analysis; empty if not known.
        decides: parallel analysis has chosen the components that are kept.
    """

    shown: int
    rank: int
    simulated: Array
    decides: bool

    @classmethod
    def of(cls, scene: Scree) -> Self:
        """Return the lines, which every scree plot has."""
        return cls(len(scene.shares), scene.rank, scene.chance, scene.subject.parallel)

    def legend(self) -> Sequence[Section]:
        """Return what the lines are."""
        entries = [
            entry(path(_SYMBOL, "guide"), "broken stick"),
            entry(path(_SYMBOL, "average"), f"average, {100.0 / self.rank:.3g} %"),
        ]
        if len(self.simulated):
            entries.append(entry(path(_SYMBOL, "chance"), "parallel analysis"))
        return (Section("", tuple(entries)),)

    def caption(self) -> Sequence[str]:
        """Return what the lines are good for."""
        if not len(self.simulated):
            return (_STICK,)
        return (_STICK, f"{_PARALLEL}{'; it decides on k' if self.decides else ''}.")

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the lines."""
        panel = canvas.panel
        # A last component of no variance has no piece of the stick.
        pieces = np.append(break_stick(self.rank), 0.0)[: self.shown]
        average = panel.bottom + float(panel.unit[1]) * 100.0 / self.rank
        lines = [path(f"M{panel.left:g} {average:.1f}H{panel.right:.1f}", "average")]
        for heights, class_ in ((pieces, "guide"), (self.simulated[: self.shown], "chance")):
            if len(heights):
                numbers = np.arange(1.0, len(heights) + 1)
                places = panel.to_pixels(np.column_stack([numbers, heights]))
                lines.append(path(trace(places), class_))
        return lines


def break_stick(pieces: int) -> Array:
    """Return (pieces,): the expected lengths, in per cent, of a stick that breaks at random."""
    lengths: Array = 100.0 * np.cumsum(1.0 / np.arange(pieces, 0, -1))[::-1] / pieces
    return lengths
