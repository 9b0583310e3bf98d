"""Where something is in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the pixels of a picture as its owner sees it, from the upper left corner.

    Attributes:
        x1: its left side.
        y1: its upper side.
        x2: its right side.
        y2: its lower side.
        score: how sure the model is, as the model tells it.
        label: what is in it.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    score: float
    label: str


def suppress_overlaps(
    sides: NDArray[np.float64], classes: NDArray[np.float64], overlap: float
) -> NDArray[np.intp]:
    """Return which boxes stay when of two that show the same thing only the surer one does.

    Greedy non-maximum suppression, for each class of its own, as in R. Girshick et al., Rich
    feature hierarchies for accurate object detection, CVPR 2014.

    Args:
        sides: (n, 4), x1, y1, x2, y2 of each box, the surest one first.
        classes: (n,), what is in them.
        overlap: largest intersection over union of two boxes of one class that both stay.

    Returns:
        their indices, rising.
    """
    lows, highs = sides[:, :2], sides[:, 2:]
    areas = (highs - lows).clip(0).prod(axis=1)
    stays = np.ones(len(sides), dtype=np.bool_)
    for index in range(len(sides)):
        if stays[index]:
            later = slice(index + 1, None)
            shared = np.minimum(highs[index], highs[later]) - np.maximum(lows[index], lows[later])
            shared = shared.clip(0).prod(axis=1)
            union = areas[index] + areas[later] - shared
            same = classes[later] == classes[index]
            stays[later] &= ~(same & (shared > overlap * union))
    return np.flatnonzero(stays)


def encode_boxes(boxes: Sequence[Box]) -> list[dict[str, Any]]:
    """Return `boxes` as JSON values, coordinates to the hundredth of a pixel."""
    return [
        {
            "label": box.label,
            "score": box.score,
            "x1": round(box.x1, 2),
            "y1": round(box.y1, 2),
            "x2": round(box.x2, 2),
            "y2": round(box.y2, 2),
        }
        for box in boxes
    ]
