"""The share of the variance that each component explains, as a bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from meshlens.pca.drawing.captions import MOST_SPOKEN, join_names, name_component
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.scenes.scree import Scree
from meshlens.pca.drawing.svg.marks import Mark, group, rect, text, under

_WIDTH = 0.72  # of the distance of bars
_NARROWEST_WRITTEN = 18.0  # pixels, for a number above a bar in the fine face
_WIDE = 34.0  # pixels, for one in that of labels
_TALL = 30.0  # pixels, for one within a bar


@dataclass(frozen=True, slots=True, eq=False)
class ShareBars(Layer[Scree]):
    """A bar for each component; those that k does not keep are pale."""

    scree: Scree
    options: ClassVar[Sequence[str]] = ("k", "seed")

    @classmethod
    def of(cls, scene: Scree) -> Self:
        """Return the bars, which every scree plot has."""
        return cls(scene)

    def legend(self) -> Sequence[Section]:
        """Return what a bar means, and which components are kept."""
        kept = self.scree.subject.kept
        meanings = {"bar": "explained variance"}
        if kept is not None:
            meanings = {"bar": f"kept, k = {kept}", "bar left": "not kept"}
        entries = [
            entry(rect(2, -10, 12, 12, class_, round_=2), words)
            for class_, words in meanings.items()
        ]
        return (Section("", tuple(entries)),)

    def caption(self) -> Sequence[str]:
        """Return how many components are left out."""
        shown, rank = len(self.scree.shares), self.scree.rank
        if shown >= rank:
            return ()
        return (f"The first {shown} of {rank} components are drawn.",)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the bars."""
        panel, kept = canvas.panel, self.scree.subject.kept
        width = self._width(panel)
        marks = []
        for number, share in enumerate(self.scree.shares.tolist(), start=1):
            x, y = panel.to_pixels(np.array([float(number), share])).tolist()
            class_ = "bar" if kept is None or number <= kept else "bar left"
            bar = rect(x - width / 2, y, width, panel.bottom - y, class_)
            marks.append(group("", (bar,), title=f"PC {number}: {share:.2f} %"))
        return marks

    def place_words(self, canvas: Canvas) -> Sequence[Mark]:
        """Write the shares above the bars, or within the first, where there is room."""
        panel = canvas.panel
        width = self._width(panel)
        if width < _NARROWEST_WRITTEN:
            return ()
        face, copy = ("label", "small") if width >= _WIDE else ("label fine", "fine")
        copies, words = [], []
        for number, share in enumerate(self.scree.shares.tolist(), start=1):
            x, y = panel.to_pixels(np.array([float(number), share])).tolist()
            # The line of sums begins on the first bar.
            if number > 1:
                copies.append(text(f"{share:.1f}", x, y - 6, f"{copy} middle"))
                words.append(text(f"{share:.1f}", x, y - 6, f"{face} middle"))
            elif panel.bottom - y > _TALL:
                words.append(text(f"{share:.1f}", x, y + 18, f"{face} middle inside"))
        return [under(copies), *words]

    def _width(self, panel: Panel) -> float:
        return _WIDTH * panel.width / len(self.scree.shares)

    def spoken(self) -> Sequence[str]:
        """Return the shares of the first components."""
        model = self.scree.subject.model
        count = len(model.components)
        shares = [name_component(model, place) for place in range(min(count, MOST_SPOKEN))]
        return (f"explained variance: {join_names(shares)}",)
