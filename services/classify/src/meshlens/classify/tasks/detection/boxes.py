"""Where something is in an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the pixels of an image as its owner sees it, from the upper left corner.

    Attributes:
        label: what is in it.
        score: how sure the model is, on the model's own scale.
        x1: its left side.
        y1: its upper side.
        x2: its right side.
        y2: its lower side.
    """

    label: str
    score: float
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def caption(self) -> str:
        """What is written beside it."""
        return f"{self.label} {self.score:.2f}"


def suppress_overlaps(
    sides: NDArray[np.float64], classes: NDArray[np.float64], overlap: float
) -> NDArray[np.intp]:
    """Return the boxes that stay if, of two that show the same thing, only the surer one does.

    Greedy non-maximum suppression, for each class of its own, as in R. Girshick et al., Rich
    feature hierarchies for accurate object detection, CVPR 2014.

    Args:
        sides: (n, 4), x1, y1, x2, y2 of each box, the surest one first.
        classes: (n,), their classes.
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
