"""Of boxes that show the same thing only the surest stays."""

import numpy as np
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples

from meshlens.classify.tasks.detection.boxes import Box, suppress_overlaps


def plainly_suppressed(boxes: list[tuple[Box, int]], overlap: float) -> list[int]:
    """Which boxes stay, by what the words say; the reference for `suppress_overlaps`."""

    def area(x1: float, y1: float, x2: float, y2: float) -> float:
        return max(x2 - x1, 0) * max(y2 - y1, 0)

    stay: list[int] = []
    for index, (box, kind) in enumerate(boxes):
        for earlier in stay:
            other, other_kind = boxes[earlier]
            shared = area(
                max(box.x1, other.x1),
                max(box.y1, other.y1),
                min(box.x2, other.x2),
                min(box.y2, other.y2),
            )
            whole = area(box.x1, box.y1, box.x2, box.y2) - shared
            whole += area(other.x1, other.y1, other.x2, other.y2)
            if kind == other_kind and shared > overlap * whole:
                break
        else:
            stay.append(index)
    return stay


@given(
    lists(tuples(*[integers(-3, 9)] * 4, integers(0, 1)), max_size=12),
    sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
)
def test_overlapping_boxes_are_suppressed_as_the_words_say(
    rows: list[tuple[int, int, int, int, int]], overlap: float
) -> None:
    table = np.array(rows, np.float64).reshape(-1, 5)
    kept = suppress_overlaps(table[:, :4], table[:, 4], overlap)
    boxes = [(Box("", 1, x1, y1, x2, y2), kind) for x1, y1, x2, y2, kind in rows]
    assert kept.tolist() == plainly_suppressed(boxes, overlap)
