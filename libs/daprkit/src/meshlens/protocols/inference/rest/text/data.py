"""The JSON data of a tensor <-> its array."""

import binascii
import math
from base64 import b64decode
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from pydantic_core import to_json

from meshlens.protocols.inference.rest.text.nesting import flatten, measure
from meshlens.protocols.inference.rest.text.numbers import read_numbers
from meshlens.protocols.models import Array


def read_array(text: bytes, dtype: np.dtype[np.generic], shape: Sequence[int]) -> Array:
    """Return the numbers of a JSON array of any nesting as an array of `shape`.

    Raises:
        ValueError: they are not of the type, not as many, or nested in another shape.
    """
    size = _check_sizes(measure(text), shape)
    return read_numbers(flatten(text), dtype, size).reshape(shape)


def read_strings(data: object, shape: Sequence[int], *, base64: bool = False) -> Array:
    """Return the strings of a JSON array of any nesting as an array of bytes of `shape`.

    Args:
        data: the array, as Python objects.
        shape: of the tensor.
        base64: the strings are that; without it they are UTF-8.

    Raises:
        ValueError: one is no string, or not base64; or as `read_array`.
    """
    if not isinstance(data, list):
        raise ValueError("attempt to access JSON non-array as array")  # noqa: TRY004 - see Raises
    sizes, items = [len(data)], data
    while items and isinstance(items[0], list):
        size = len(items[0])
        if not all(isinstance(item, list) and len(item) == size for item in items):
            raise ValueError("lists have different lengths")
        items = list(chain.from_iterable(items))
        sizes.append(size)
    size = _check_sizes(sizes, shape)
    array = np.empty(size, object)
    array[:] = [_read_string(item, base64=base64) for item in items]
    return array.reshape(shape)


def _read_string(item: object, *, base64: bool) -> bytes:
    if not isinstance(item, str):
        raise ValueError("attempt to access JSON non-string as string")  # noqa: TRY004 - see Raises
    if not base64:
        return item.encode()
    try:
        return b64decode(item, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"expected base64, got {item[:20]!r} ({error})") from None


def _check_sizes(sizes: Sequence[int], shape: Sequence[int]) -> int:
    """Return how many elements lists of these sizes have, if they may stand for the shape."""
    # Clients leave out sizes of 1, or all but one list.
    matches = len(sizes) == 1 or [it for it in sizes if it != 1] == [it for it in shape if it != 1]
    size = math.prod(sizes)
    if not matches or size != math.prod(shape):
        raise ValueError("Shape does not match true shape of 'data' field")
    return size


def write_array(array: Array) -> bytes:
    """Return an array as flat JSON data; NaN and Infinity are written as those words.

    Args:
        array: of numbers, truth values, or bytes that are UTF-8.

    Raises:
        ValueError: bytes that are no UTF-8.
    """
    values: list[Any] = array.ravel().tolist()
    if array.dtype == object:
        values = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    return to_json(values, inf_nan_mode="constants")
