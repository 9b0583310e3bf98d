"""Floats as the original writes them: six digits, or as many as a reader needs to get them back."""

import numpy as np

from meshlens.protocols.models import Array

_WORDS = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def write_floats(array: Array) -> list[str]:
    """Return the text of each float of a one-dimensional array.

    Numbers without a fraction end in .0, so that readers take them for floats. What is not finite
    is NaN, Infinity or -Infinity, which is no JSON, but what the original writes.
    """
    numbers = array.tolist()
    short = "%.6g " * len(numbers) % tuple(numbers)
    texts = short.split()
    read = np.fromstring(short, sep=" ").astype(array.dtype)
    digits = "%.9g " if array.dtype.itemsize <= np.dtype(np.float32).itemsize else "%.17g "
    inexact = np.flatnonzero(read != array).tolist()
    longer = digits * len(inexact) % tuple(numbers[place] for place in inexact)
    for place, text in zip(inexact, longer.split(), strict=True):
        texts[place] = text
    return [text if "." in text or "e" in text else _finish(text) for text in texts]


def _finish(text: str) -> str:
    """Return the text of a number that has neither a point nor an exponent."""
    return _WORDS.get(text) or f"{text}.0"
