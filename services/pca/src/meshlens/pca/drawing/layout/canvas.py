"""A panel while layers draw on it: arrows, and words that hide as little as possible."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import Box, Name, Placer
from meshlens.pca.drawing.layout.text_width import FONT_SIZE, SMALL, measure, shorten
from meshlens.pca.drawing.svg.marks import Mark, arrow, path, text, under

Array: TypeAlias = npt.NDArray[np.float64]

_NAME_WIDTH = 150.0
_SHORTEST_NAMED = 8.0
_CLEAR = 5.0
_MOST_LED = 12  # arrows of which a name may stand as far away as any word
_FARTHEST = 60.0  # pixels from its arrow, a name where there are more
_CLOSE = 9.0  # pixels between tips whose leaders could not be told apart
# Along an arrow, what words should not hide; its head is worth three points.
_PLACES = np.concatenate([np.linspace(0.0, 1.0, 50), np.ones(3)])
_MOST_OBSTACLES = 20_000
_MOST_WHOLE = 300  # points of which the whole mark counts
_CORNERS = np.array([[0.0, 0.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
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
        self._reserved: list[Box] = []
        self._placer: Placer | None = None

    def avoid(self, pixels: Array, radius: float = 0.0) -> None:
        """Let words rather not hide these points (n, 2), nor the marks of a few of them."""
        if radius and len(pixels) <= _MOST_WHOLE:
            corners = 0.8 * radius * _CORNERS
            pixels = (pixels[:, np.newaxis] + corners).reshape(-1, 2)
        self._points.append(pixels[:: 1 + len(pixels) // _MOST_OBSTACLES])

    def avoid_line(self, pixels: Array) -> None:
        """Let words rather not hide a line through these points (n, 2), more than points."""
        self._lines.append(pixels)

    def keep_clear(self, centre: Array) -> None:
        """Let no word hide this point (2,)."""
        x, y = centre.tolist()
        self._reserved.append((x - _CLEAR, y - _CLEAR, x + _CLEAR, y + _CLEAR))

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
        self,
        content: str,
        anchor: Array,
        *,
        clearance: float = 0.0,
        towards: Array | None = None,
        font_size: float = SMALL,
        bold: bool = False,
    ) -> Name | None:
        """Return where a word stands, or None if there is no room for it.

        Args:
            content: the word.
            anchor: (2,), what it names, in pixels.
            clearance: pixels around the anchor that its own mark takes.
            towards: (2,), the direction in which the word would best stand; right if None.
            font_size: pixels.
            bold: the face of names of arrows, else that of labels.
        """
        if self._placer is None:
            points, lines = np.concatenate(self._points), np.concatenate(self._lines)
            self._placer = Placer(self.panel, points, lines, self._reserved)
        width = measure(content, font_size=font_size, bold=bold)
        return self._placer.place(content, width, anchor, clearance=clearance, towards=towards)

    def name_arrows(
        self, tails: Array, tips: Array, names: Sequence[str], classes: Sequence[str]
    ) -> list[Mark]:
        """Return the names of arrows at their tips, the longest arrow first; no room, no name.

        Nor has an arrow a name that only a leader could show, if the leader of another ends where
        its own would.

        Args:
            tails: (m, 2), pixels.
            tips: (m, 2), pixels.
            names: m of them.
            classes: m of them.
        """
        ways = tips - tails
        lengths = np.hypot(ways[:, 0], ways[:, 1])
        placed, kept = [], []
        led = np.zeros((0, 2))
        for i in np.argsort(-lengths, kind="stable").tolist():
            # Without an arrow a name would hide the mean.
            if lengths[i] < _SHORTEST_NAMED:
                break
            content = shorten(names[i], _NAME_WIDTH, bold=True)
            name = self.place(content, tips[i], towards=ways[i], font_size=FONT_SIZE, bold=True)
            if name is None or (len(names) > _MOST_LED and name.reach > _FARTHEST):
                continue
            if name.leader:
                if (np.abs(led - tips[i]).max(axis=1) < _CLOSE).any():
                    continue
                led = np.vstack([led, tips[i]])
            placed.append(name)
            kept.append(f"name {classes[i]}")
        return write_names(placed, kept, "strong")


def write_names(names: Sequence[Name], classes: Sequence[str], face: str) -> list[Mark]:
    """Return names as marks over their halos, above the lines that lead to them.

    Args:
        names: where they stand.
        classes: of the names.
        face: the class of a halo, with the same face as the names.
    """
    leaders = "".join(
        "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*name.leader) for name in names if name.leader
    )
    copies = [text(name.content, name.left, name.base, face) for name in names]
    words = [
        text(name.content, name.left, name.base, class_)
        for name, class_ in zip(names, classes, strict=True)
    ]
    halo = [under(copies)] if copies else []
    return [path(leaders, "leader"), *halo, *words] if leaders else [*halo, *words]
