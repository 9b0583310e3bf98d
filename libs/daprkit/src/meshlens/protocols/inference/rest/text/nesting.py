"""Nested lists as text: their sizes, and the same numbers without the lists."""

import itertools

import numpy as np
from numpy.typing import NDArray

_OPEN, _CLOSE, _COMMA = b"[],"
_BLANKS = b" \t\r\n"
_DEEPEST = 100
_MOST_LISTS = 1_000_000  # each takes twenty bytes while they are counted
_WITHOUT_LISTS = bytes.maketrans(b"[]", b"  ")


def measure(text: bytes) -> tuple[int, ...]:
    """Return the sizes of the nested lists in `text`, the outermost first.

    The numbers themselves are left to the parser of the flat text.

    Raises:
        ValueError: they are not nested as those of an array are: brackets without a partner,
            numbers beside lists, or lists of different lengths.
    """
    lists = text.count(b"[")
    if lists > _MOST_LISTS:
        raise ValueError(f"more than {_MOST_LISTS} lists")
    if lists == 1:
        return (text.count(b",") + 1 if text[1:-1].strip() else 0,)
    whole = np.frombuffer(text.translate(None, _BLANKS), np.uint8)
    places = np.flatnonzero((whole == _OPEN) | (whole == _CLOSE) | (whole == _COMMA))
    signs = whole[places]
    opens, closes = signs == _OPEN, signs == _CLOSE
    left, right = whole[places[opens][1:] - 1], whole[places[closes][:-1] + 1]
    if _are_others(left, _OPEN) or _are_others(right, _CLOSE):
        raise ValueError("a list has no comma between it and its neighbour")
    depths = np.cumsum(opens.astype(np.int8) - closes, dtype=np.int32)
    deepest = int(depths.max())
    if deepest > _DEEPEST:
        raise ValueError(f"lists are nested more than {_DEEPEST} deep")
    if depths[-1] or (depths[:-1] < 1).any():
        raise ValueError("brackets do not match")
    before = np.cumsum(signs == _COMMA, dtype=np.int32)
    total = int(before[-1]) + 1
    counts = []
    for level in range(1, deepest + 1):
        starts = before[opens & (depths == level)]
        ends = before[closes & (depths == level - 1)] + 1
        count = len(starts)
        size = total // count
        expected = np.arange(count, dtype=np.int64) * size
        if total % count or (starts != expected).any() or (ends != expected + size).any():
            raise ValueError("lists have different lengths")
        counts.append(count)
    counts.append(total)
    return tuple(inner // outer for outer, inner in itertools.pairwise(counts))


def _are_others(signs: NDArray[np.uint8], bracket: int) -> bool:
    """Return whether one of the signs is neither the bracket nor a comma."""
    return bool(((signs != bracket) & (signs != _COMMA)).any())


def flatten(text: bytes) -> bytes:
    """Return the numbers in `text` with the commas between them.

    Blanks stand for the brackets, so that numbers on both sides of one stay apart.
    """
    return text.translate(_WITHOUT_LISTS) if text.count(b"[") > 1 else text[1:-1]
