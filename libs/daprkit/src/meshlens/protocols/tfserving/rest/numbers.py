"""Floats as the original writes them: six digits, or as many as a reader needs to get them back."""

import math

import numpy as np

from meshlens.protocols.models import Array

_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}


def write_floats(array: Array) -> list[str]:
    """Return the text of each float of a one-dimensional array.

    Numbers without a fraction end in .0, so that readers take them for floats. What is not finite
    is NaN, Infinity or -Infinity, which is no JSON, but what the original writes.
    """
    numbers = array.tolist()
    short = ("%.6g " * len(numbers) % tuple(numbers)).split()
    same = np.array(short, array.dtype) == array
    digits = "%.9g" if array.dtype.itemsize <= np.dtype(np.float32).itemsize else "%.17g"
    return [
        _finish(text if exact else digits % number, number)
        for text, exact, number in zip(short, same.tolist(), numbers, strict=True)
    ]


def _finish(text: str, number: float) -> str:
    if "." in text or "e" in text:
        return text
    if math.isfinite(number):
        return f"{text}.0"
    return _WORDS.get(number, "NaN")
