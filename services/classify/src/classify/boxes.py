"""Where something is in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


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
