"""Where words stand so that they neither cover each other nor hide what they name.

Each word tries places around its anchor, nearest first. It never covers a word that was placed
before, and among the free places takes the one with the fewest marks under it. So the same input
gives the same places.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.panel import Panel

Array: TypeAlias = npt.NDArray[np.float64]
Box: TypeAlias = tuple[float, float, float, float]
Leader: TypeAlias = tuple[float, float, float, float]  # from x, y to x, y

_ASCENT, _DESCENT = 10.0, 3.0
_GAP = 3.0
_CELL = 5.0  # pixels, for the count of what a word would hide
_MOST_HIDDEN = np.array([[6.0], [9.0]])  # points and lines; beyond, hiding more costs no more
_MOST_IN_CELL = 3
_COST_OF_COVERING = 8.0
_TURNS = np.radians([0, 25, -25, 50, -50, 75, -75, 105, -105, 140, -140, 180])
_DISTANCES = (5.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 92.0, 116.0)
# What is tried, (2, m) directions and (m,) distances, and what each costs.
_TRIED_TURNS = np.tile(_TURNS, len(_DISTANCES))
_TRIED_WAYS = np.vstack([np.cos(_TRIED_TURNS), np.sin(_TRIED_TURNS)])
_TRIED_DISTANCES = np.repeat(_DISTANCES, len(_TURNS))
_COST_OF_DISTANCE, _COST_OF_TURN = 0.07, 0.4
_COSTS = _COST_OF_DISTANCE * _TRIED_DISTANCES + _COST_OF_TURN * np.abs(_TRIED_TURNS)
_LEADER_FROM = 22.0
_COST_OF_CROSSING = 5.0  # a leader and a word that is not its own
_ALONG = np.linspace(0.1, 0.95, 9)  # of a leader, where it is seen to cross a word
_MOST_CROSSED = 70  # words, among which leaders still find their way


@dataclass(frozen=True, slots=True)
class Name:
    """A line of text in pixels.

    Attributes:
        content: the text.
        width: of it.
        left: where it begins.
        base: its baseline.
        leader: from the anchor to the text (x, y, to x, to y), if it stands far from it.
    """

    content: str
    width: float
    left: float
    base: float
    leader: Leader | None = None

    @property
    def reach(self) -> float:
        """Pixels from the anchor to the text; zero without a leader."""
        if self.leader is None:
            return 0.0
        x, y, to_x, to_y = self.leader
        return math.hypot(to_x - x, to_y - y)

    @property
    def box(self) -> Box:
        """Left, top, right and bottom."""
        return self.left, self.base - _ASCENT, self.left + self.width, self.base + _DESCENT


class Placer:
    """Places words in a panel, one after the other.

    Args:
        panel: where they may stand.
        points: (n, 2) pixels that are better not hidden.
        lines: (m, 2) pixels along lines, which matter more.
        reserved: left, top, right and bottom of places for no word at all.
    """

    def __init__(
        self, panel: Panel, points: Array, lines: Array, reserved: Sequence[Box] = ()
    ) -> None:
        self._origin = np.array([[panel.left], [panel.top]])
        self._corner = np.tile(self._origin, (2, 1))
        self._low = self._origin + _GAP
        self._high = np.array([[panel.right], [panel.bottom]]) - _GAP
        self._shape = int(panel.height / _CELL) + 1, int(panel.width / _CELL) + 1
        # (4, k) places of the words, and of those for none; (2, l, s) places along leaders.
        self._taken = np.array(reserved).reshape(-1, 4).T
        self._led = np.zeros((2, 0, len(_ALONG)))
        self._sums = self._sum(points, lines)

    def place(
        self,
        content: str,
        width: float,
        anchor: Array,
        *,
        clearance: float = 0.0,
        towards: Array | None = None,
    ) -> Name | None:
        """Return where a word stands, or None if there is no room for it.

        Args:
            content: the word.
            width: of the word, in pixels.
            anchor: (2,), what it names, in pixels.
            clearance: pixels around the anchor that its own mark takes.
            towards: (2,), the direction in which the word would best stand; right if None.
        """
        size = np.array([[width], [_ASCENT + _DESCENT]])
        boxes, cost = self._try(size, anchor, clearance, towards)
        cost[self._meets(boxes)] = np.inf
        found = self._choose(boxes, cost, anchor, clearance)
        if found is None:
            return None
        box, leader = found
        self._taken = np.column_stack([self._taken, box])
        if leader:
            self._led = np.concatenate([self._led, _sample(leader)[:, np.newaxis]], axis=1)
        left, _, _, bottom = box
        return Name(content, width, left, bottom - _DESCENT, leader)

    def _choose(
        self, boxes: Array, cost: Array, anchor: Array, clearance: float
    ) -> tuple[Box, Leader | None] | None:
        """Return the box, of those that are free, that costs least, and the leader to it.

        Args:
            boxes: (4, m).
            cost: (m,), without what their leaders cross or they hide of other leaders.
            anchor: (2,).
            clearance: pixels around the anchor.
        """
        heeded = self._taken.shape[1] <= _MOST_CROSSED
        x, y = anchor.tolist()
        least, place = np.inf, len(cost)
        found = None
        # Crossings cost more, never less: most boxes need not be looked at.
        for at in cost.argsort(kind="stable").tolist():
            total = float(cost[at])
            if total > least or total == np.inf:
                break
            left, top, right, bottom = boxes[:, at].tolist()
            box = left, top, right, bottom
            to_x, to_y = min(max(x, left), right), min(max(y, top), bottom)
            far = math.hypot(to_x - x, to_y - y) > _LEADER_FROM + clearance
            leader = (x, y, to_x, to_y) if far else None
            if heeded:
                total += _COST_OF_CROSSING * self._count_crossings(box, leader)
            if (total, at) < (least, place):
                least, place, found = total, at, (box, leader)
        return found

    def _try(
        self, size: Array, anchor: Array, clearance: float, towards: Array | None
    ) -> tuple[Array, Array]:
        """Return (4, m) boxes around the anchor, within the panel, and what each costs."""
        x_way, y_way = (1.0, 0.0) if towards is None else towards.tolist()
        length = math.hypot(x_way, y_way)
        turn = np.array([[x_way, -y_way], [y_way, x_way]]) / length
        half, centre = size / 2, anchor[:, np.newaxis]
        # So far that the box begins where the distance ends.
        middle = centre + turn @ _TRIED_WAYS * (_TRIED_DISTANCES + clearance + half)
        low = np.maximum(np.minimum(middle - half, self._high - size), self._low)
        boxes = np.concatenate([low, low + size])
        low += half
        moved = np.abs(low - middle)
        cost = _COSTS + _COST_OF_DISTANCE * (moved[0] + moved[1])
        cost += self._weigh(boxes)
        near = np.abs(low - centre) < half + clearance
        cost[near[0] & near[1]] += _COST_OF_COVERING
        return boxes, cost

    def _meets(self, boxes: Array) -> npt.NDArray[np.bool_]:
        """Return (m,): whether boxes (4, m) cover a word, or a place for none."""
        left, top, right, bottom = self._taken[:, :, np.newaxis]
        beside = (boxes[0] < right) & (boxes[2] > left)
        meets = beside & (boxes[1] < bottom) & (boxes[3] > top)
        found: npt.NDArray[np.bool_] = meets.any(axis=0)
        return found

    def _count_crossings(self, box: Box, leader: Leader | None) -> int:
        """Return how many words the leader to a box would cross, and how many leaders it hides."""
        count = 0
        if leader:
            count += _cross(_sample(leader)[:, np.newaxis], self._taken[:, :, np.newaxis])
        if self._led.size:
            count += _cross(self._led, np.array(box))
        return count

    def _sum(self, points: Array, lines: Array) -> npt.NDArray[np.intp]:
        """Return summed-area tables (2, cells): what a box hides is the difference of four entries.

        The first is of the points, the second of the lines.
        """
        rows, columns = self._shape
        places = np.concatenate([points, lines]).T
        cells = ((places - self._origin) / _CELL).astype(np.intp)
        cells = np.minimum(np.maximum(cells, 0), [[columns - 1], [rows - 1]])
        cells[1, len(points) :] += rows
        counts = np.bincount(cells[1] * columns + cells[0], minlength=2 * rows * columns)
        counts = np.minimum(counts, _MOST_IN_CELL).reshape(2, rows, columns)
        sums = np.zeros((2, rows + 1, columns + 1), dtype=np.intp)
        counts.cumsum(axis=1).cumsum(axis=2, out=sums[:, 1:, 1:])
        return sums.reshape(2, -1)

    def _weigh(self, boxes: Array) -> Array:
        """Return (m,): what boxes (4, m) hide, to the next cell, as a cost."""
        rows, columns = self._shape
        x0, y0, x1, y1 = ((boxes - self._corner) / _CELL).astype(np.intp)
        above, below = y0 * (columns + 1), np.minimum(y1 + 1, rows) * (columns + 1)
        x1 = np.minimum(x1 + 1, columns)
        corners = np.concatenate([below + x1, above + x0, above + x1, below + x0])
        sums = self._sums.take(corners, axis=1).reshape(2, 4, -1)
        hidden = sums[:, 0] + sums[:, 1] - sums[:, 2] - sums[:, 3]
        points, lines = np.minimum(hidden, _MOST_HIDDEN)
        cost: Array = points + lines
        return cost


def _sample(leader: Leader) -> Array:
    """Return (2, s) places along a leader."""
    x, y, to_x, to_y = leader
    return np.array([x + _ALONG * (to_x - x), y + _ALONG * (to_y - y)])


def _cross(places: Array, boxes: Array) -> int:
    """Return how often a line meets a box: of k lines (2, k, s) one box (4,), or of one k boxes.

    The boxes are (4, k, 1) then.
    """
    x, y = places
    left, top, right, bottom = boxes
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    return int(np.count_nonzero(inside.any(axis=-1)))
