"""Where the names of arrows stand, by an estimate of their width."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from pca.scene import Panel

Array: TypeAlias = npt.NDArray[np.float64]

_FONT_SIZE = 12.0
_ADVANCE = 0.6  # of the font size: an average character of a sans-serif face, semi-bold
_LINE_HEIGHT = 14.0
_GAP = 6.0
_SHIFTS = tuple(sign * step * _LINE_HEIGHT / 2 for step in range(12) for sign in (-1, 1))


@dataclass(frozen=True, slots=True)
class Name:
    """A line of text in pixels.

    Attributes:
        content: the text.
        left: where it begins.
        base: its baseline.
    """

    content: str
    left: float
    base: float

    @property
    def width(self) -> float:
        """Pixels, estimated."""
        return len(self.content) * _FONT_SIZE * _ADVANCE

    @classmethod
    def beyond(cls, tail: Array, tip: Array, content: str) -> Self:
        """Write what stands at the tip of an arrow, out of its way."""
        x_way, y_way = (tip - tail) / max(1.0, float(np.hypot(*(tip - tail))))
        width = cls(content, 0.0, 0.0).width
        # From right of the tip (arrow to the right) over centred to left of it.
        left = tip[0] + _GAP * x_way - width * (1 - x_way) / 2
        return cls(content, float(left), float(tip[1] + _FONT_SIZE / 3 + _LINE_HEIGHT * y_way))

    def within(self, panel: Panel) -> Self:
        """Move it into the panel: sideways, and then above the arrow that it would cover."""
        left = max(panel.left + _GAP, min(self.left, panel.right - _GAP - self.width))
        base = self.base if left == self.left else self.base - _LINE_HEIGHT
        base = max(panel.top + _LINE_HEIGHT, min(base, panel.bottom - _GAP))
        return replace(self, left=left, base=base)

    def covers(self, other: "Name") -> bool:
        """Say whether the two overlap."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and abs(self.base - other.base) < _LINE_HEIGHT
        )


def spread(names: Iterable[Name]) -> list[Name]:
    """Move names up or down, as little as it takes, until none covers another."""
    placed: list[Name] = []
    for name in names:
        tries = [replace(name, base=name.base + shift) for shift in _SHIFTS]
        free = (
            moved for moved in tries if not any(moved.covers(neighbour) for neighbour in placed)
        )
        placed.append(next(free, name))
    return placed


def shorten(content: str, width: float, *, font_size: float = _FONT_SIZE) -> str:
    """Cut text that would be wider than `width` pixels."""
    most = max(1, int(width / (font_size * _ADVANCE)))
    return (
        content
        if len(content) <= most
        else content[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    )
