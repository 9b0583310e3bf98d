"""A panel while layers draw on it: arrows, and words that hide as little as possible."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import Name, Placer
from meshlens.pca.drawing.layout.text_width import shorten
from meshlens.pca.drawing.svg.marks import Mark, arrow, path, text

Array: TypeAlias = npt.NDArray[np.float64]

_NAME_WIDTH = 150.0
_SHORTEST_NAMED = 8.0
# Along an arrow, what words should not hide; its head is worth three points.
_PLACES = np.concatenate([np.linspace(0.0, 1.0, 50), np.ones(3)])
_MOST_OBSTACLES = 20_000
_NOTHING = np.zeros((0, 2))


class Canvas:
    """A panel, and what stands on it.

    Marks are reported before the first word is placed: a word heeds those before it alone.

    Args:
        panel: where layers draw.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._points = [_NOTHING]
        self._lines = [_NOTHING]
        self._placer: Placer | None = None

    def avoid(self, pixels: Array) -> None:
        """Let words rather not hide these points (n, 2)."""
        self._points.append(pixels[:: 1 + len(pixels) // _MOST_OBSTACLES])

    def draw_arrows(
        self, tails: Array, tips: Array, names: Sequence[str], classes: Sequence[str]
    ) -> list[Mark]:
        """Return arrows, which words should not hide.

        Args:
            tails: (m, 2), pixels.
            tips: (m, 2), pixels.
            names: m of them, shown when a pointer rests on an arrow.
            classes: m of them.
        """
        lines = tails[:, np.newaxis] + _PLACES[:, np.newaxis] * (tips - tails)[:, np.newaxis]
        self._lines.append(lines.reshape(-1, 2))
        return [
            arrow(tail, tip, class_, title=name)
            for tail, tip, class_, name in zip(tails, tips, classes, names, strict=True)
        ]

    def place(
        self, content: str, anchor: Array, *, clearance: float = 0.0, towards: Array | None = None
    ) -> Name | None:
        """Return where a word stands, or None if there is no room for it.

        Args:
            content: the word.
            anchor: (2,), what it names, in pixels.
            clearance: pixels around the anchor that its own mark takes.
            towards: (2,), the direction in which the word would best stand; right if None.
        """
        if self._placer is None:
            points, lines = np.concatenate(self._points), np.concatenate(self._lines)
            self._placer = Placer(self.panel, points, lines)
        return self._placer.place(content, anchor, clearance=clearance, towards=towards)

    def name_arrows(
        self, tails: Array, tips: Array, names: Sequence[str], classes: Sequence[str]
    ) -> list[Mark]:
        """Return the names of arrows at their tips, the longest arrow first; no room, no name.

        Args:
            tails: (m, 2), pixels.
            tips: (m, 2), pixels.
            names: m of them.
            classes: m of them.
        """
        ways = tips - tails
        lengths = np.hypot(ways[:, 0], ways[:, 1])
        placed, kept = [], []
        for i in np.argsort(-lengths, kind="stable").tolist():
            # Without an arrow a name would hide the mean.
            if lengths[i] < _SHORTEST_NAMED:
                break
            name = self.place(shorten(names[i], _NAME_WIDTH), tips[i], towards=ways[i])
            if name:
                placed.append(name)
                kept.append(f"name {classes[i]}")
        return write_names(placed, kept)


def write_names(names: Sequence[Name], classes: Sequence[str]) -> list[Mark]:
    """Return names as marks, above the lines that lead to them."""
    leaders = "".join(
        "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*name.leader) for name in names if name.leader
    )
    words = [
        text(name.content, name.left, name.base, class_)
        for name, class_ in zip(names, classes, strict=True)
    ]
    return [path(leaders, "leader"), *words] if leaders else words
