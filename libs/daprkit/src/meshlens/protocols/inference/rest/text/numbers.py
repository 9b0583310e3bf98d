"""Numbers as JSON text -> an array of their type, a part of the text at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic_core import from_json

from meshlens.protocols.models import Array

_PART = 1 << 16  # bytes of text whose numbers exist as objects at the same time
# What is in other values that JSON allows here, true, false and null, and in no number.
_OF_WORDS = (b"u", b"s")
_OF_REALS = (b".", b"e", b"E", b"N", b"I")


def read_numbers(flat: bytes, dtype: np.dtype[np.generic], size: int) -> Array:
    """Return `size` numbers with commas between them as an array of one axis.

    Raises:
        ValueError: there are more or fewer, or one is not of the type: integers are written
            without a point, truth values as true and false; NaN and Infinity are reals.
    """
    count = flat.count(b",") + 1 if flat.strip() else 0
    if count != size:
        raise ValueError("Shape does not match true shape of 'data' field")
    array = np.empty(size, dtype)
    done = 0
    for part in _split(flat) if size else ():
        numbers = _parse(part)
        array[done : done + len(numbers)] = _convert(part, numbers, dtype)
        done += len(numbers)
    return array


def _split(flat: bytes) -> Iterator[bytes]:
    start = 0
    while (end := flat.find(b",", start + _PART)) >= 0:
        yield flat[start:end]
        start = end + 1
    yield flat[start:]


def _parse(part: bytes) -> list[Any]:
    try:
        numbers: list[Any] = from_json(b"[%b]" % part)
    except ValueError as error:
        # The place is one in the part, which nobody knows.
        raise ValueError(str(error).partition(" at line ")[0]) from None
    if not numbers:
        raise ValueError("expected value")
    return numbers


def _convert(part: bytes, numbers: list[Any], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "f":
        return _convert_reals(part, numbers, dtype)
    if dtype.kind == "b":
        truths = np.array(numbers)
        if truths.dtype != dtype:
            raise _misfit(numbers, (bool,), dtype)
        return truths
    if any(sign in part for sign in (*_OF_WORDS, *_OF_REALS)):
        raise _misfit(numbers, (int,), dtype)
    try:
        integers = np.array(numbers, np.uint64 if dtype.kind == "u" else np.int64)
    except OverflowError:
        raise _out_of_range(numbers, dtype) from None
    bounds = np.iinfo(dtype.str)
    if integers.min() < bounds.min or integers.max() > bounds.max:
        raise _out_of_range(numbers, dtype)
    return integers


def _convert_reals(part: bytes, numbers: list[Any], dtype: np.dtype[np.generic]) -> Array:
    if any(sign in part for sign in _OF_WORDS):
        raise _misfit(numbers, (int, float), dtype)
    try:
        with np.errstate(over="ignore"):
            reals = np.array(numbers, np.float64).astype(dtype)
    except OverflowError:
        raise ValueError(f"a number is out of range of {dtype}") from None
    if np.count_nonzero(np.isinf(reals)) > part.count(b"Infinity"):
        raise ValueError(f"a number is out of range of {dtype}")
    return reals


def _misfit(numbers: list[Any], kinds: tuple[type, ...], dtype: np.dtype[np.generic]) -> ValueError:
    found = next((it for it in numbers if type(it) not in kinds), numbers[0])
    return ValueError(f"expected values of type {dtype}, got {str(found)[:40]}")


def _out_of_range(numbers: list[int], dtype: np.dtype[np.generic]) -> ValueError:
    bounds = np.iinfo(dtype.str)
    found = next(it for it in numbers if not bounds.min <= it <= bounds.max)
    return ValueError(f"{str(found)[:40]} is out of range of {dtype}")
