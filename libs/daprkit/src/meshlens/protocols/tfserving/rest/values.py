"""Nested lists in JSON -> arrays, by the rules of the original.

An integer may stand for a float that holds it exactly, and nothing else may stand for another type:
1.0 is no integer, true is no number. The usual request is read level by level, without a call for
each element; only what cannot be read so is walked again, to find the first fault and its text.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.dtypes import STRING, DataType
from meshlens.protocols.tfserving.refusals import invalid, refuse
from meshlens.protocols.tfserving.rest.text.parts import (
    Elements,
    find_first,
    is_list,
    list_parts,
)
from meshlens.protocols.tfserving.rest.text.quoting import name_type, quote

B64 = "b64"
# As objects they take many times as much memory as their text.
_MOST_STRINGS = 1_000_000
_KINDS: dict[str, frozenset[type]] = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
    "O": frozenset({str, dict}),
}
# The types that JSON stands for.
JSON_TYPES = frozenset(
    {"float", "double", "bool", "string", "int8", "int16", "int32", "int64"}
    | {"uint8", "uint32", "uint64"}
)
# The largest integers up to which a float holds all of them.
_LARGEST_EXACT = {"float": 2**24 - 1, "double": 2**53 - 1}
_LARGEST = {"float": float(np.finfo(np.float32).max), "double": float(np.finfo(np.float64).max)}


def is_base64(value: object) -> bool:
    """Return whether a JSON value stands for bytes: an object of the one key b64, a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(B64), str)


def decode_base64(value: object) -> bytes:
    """Return the bytes that a JSON value stands for.

    Raises:
        Refused: INVALID_ARGUMENT: it stands for none.
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {quote(value)} not formatted correctly for base64 data")
    assert isinstance(value, dict)  # noqa: S101 - for the type checker
    text = "".join(value[B64].split())
    if "=" not in text:  # which the original lets writers leave out
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Unable to base64 decode") from None


def read_tensor(value: object, type_: DataType) -> Array:
    """Return the array of a scalar, or of nested lists.

    Raises:
        Refused: INVALID_ARGUMENT: lists of unequal length, or a value of another type;
            UNIMPLEMENTED: JSON stands for no such type.
    """
    array = read_evenly(value, type_)
    if array is None:
        _find_fault(value, 0, _measure(value), type_)
        raise invalid(f"JSON Value: {quote(value)} is not a tensor of type: {type_.name}")
    return array


def read_evenly(value: object, type_: DataType) -> Array | None:
    """Return the array of a value in which nothing is wrong, else None.

    Raises:
        Refused: INVALID_ARGUMENT: a string that is none, or too many of them.
    """
    if type_.name not in JSON_TYPES:
        return None
    return _read_parts(value, type_) if isinstance(value, Elements) else _read_all(value, type_)


def _read_all(value: object, type_: DataType) -> Array | None:
    level: list[Any] = [value]
    shape: list[int] = []
    while level and set(map(type, level)) == {list}:
        sizes = set(map(len, level))
        if len(sizes) > 1:
            return None
        shape += sizes
        level = list(chain.from_iterable(level))
    if not set(map(type, level)) <= _KINDS[type_.dtype.kind]:
        return None
    if type_ is STRING:
        return _read_strings(level, shape)
    return _read_numbers(level, shape, type_)


def _read_parts(values: Elements, type_: DataType) -> Array | None:
    arrays: list[Array] = []
    for part in values.parts():
        if isinstance(part[0], Elements):  # alone, because it is large
            inner = _read_parts(part[0], type_)
            array = None if inner is None else inner[np.newaxis]
        else:
            array = _read_all(part, type_)
        if array is None or array.shape[1:] != (arrays or [array])[0].shape[1:]:
            return None
        arrays.append(array)
        check_count(sum(map(len, arrays)), type_)
    return np.concatenate(arrays) if arrays else None


def check_count(count: int, type_: DataType) -> None:
    """Refuse more values of a type than a request may have.

    Raises:
        Refused: INVALID_ARGUMENT: there are more.
    """
    if type_ is STRING and count > _MOST_STRINGS:
        raise invalid(
            f"Expected at most {_MOST_STRINGS} strings in a request, got more. Send several."
        )


def _read_numbers(level: Sequence[Any], shape: Sequence[int], type_: DataType) -> Array | None:
    try:
        # A double first, as the original: a float is what its nearest double becomes.
        kind = np.dtype(np.float64) if type_.dtype.kind == "f" else type_.dtype
        numbers = np.array(level, kind)
    except OverflowError:
        return None
    if type_.dtype.kind == "f" and not _are_exact(numbers, level, type_):
        return None
    return numbers.astype(type_.dtype, copy=False).reshape(shape)


def _are_exact(numbers: Array, level: Sequence[Any], type_: DataType) -> bool:
    """Return whether floats of this type hold the numbers as well as the original wants."""
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return True
    largest = float(np.abs(finite).max())
    if largest <= _LARGEST_EXACT[type_.name]:
        return True
    return largest <= _LARGEST[type_.name] and not any(
        type(each) is int and abs(each) > _LARGEST_EXACT[type_.name] and _fits_64(each)
        for each in level
    )


def _read_strings(level: Sequence[Any], shape: Sequence[int]) -> Array:
    array = np.empty(len(level), object)
    for place, value in enumerate(level):
        array[place] = value.encode() if isinstance(value, str) else decode_base64(value)
    return array.reshape(shape)


def _measure(value: object) -> tuple[int, ...]:
    """Return the shape that a value has by the first element of each list."""
    shape = []
    while is_list(value):
        shape.append(len(value))
        if not value:
            break
        value = find_first(value)
    return tuple(shape)


def _find_fault(value: object, level: int, shape: tuple[int, ...], type_: DataType) -> None:
    """Raise the first fault in a value that has one."""
    if not is_list(value):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {quote(value)} found at incorrect level: {level + 1}"
                f" in the JSON DOM. Expected at level: {len(shape)}"
            )
        _check_value(value, type_)
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level}"
            f" expected size: {shape[level]}"
        )
    for part in list_parts(value):
        if isinstance(value, Elements) and _has_shape(part, shape[level + 1 :], type_):
            continue
        for each in part:
            _find_fault(each, level + 1, shape, type_)


def _has_shape(part: list[Any], shape: tuple[int, ...], type_: DataType) -> bool:
    """Return whether each of some elements is an array of a shape."""
    if isinstance(part[0], Elements):
        return False
    try:
        array = read_evenly(part, type_)
    except Refused:
        return False
    return array is not None and array.shape[1:] == shape


def _check_value(value: Any, type_: DataType) -> None:  # noqa: ANN401 - any JSON value
    """Refuse a value that is not of a type."""
    if isinstance(value, Mapping):
        if type_ is not STRING:
            raise _wrong_type(value, type_)
        decode_base64(value)
        return
    if type_.name not in JSON_TYPES:
        raise refuse(
            Status.UNIMPLEMENTED,
            f"Conversion of JSON Value: {quote(value)} to type: {type_.name}",
        )
    if type(value) not in _KINDS[type_.dtype.kind]:
        raise _wrong_type(value, type_)
    if type_.dtype.kind in "iu":
        bounds = np.iinfo(type_.dtype.str)
        if not bounds.min <= value <= bounds.max:
            raise _wrong_type(value, type_)
    if type_.dtype.kind == "f" and _read_numbers([value], [1], type_) is None:
        raise invalid(
            f"Cannot convert JSON value: {quote(value)} to {type_.name} without loss of precision."
        )


def _fits_64(number: int) -> bool:
    """Return whether the original reads an integer as one; larger ones are doubles to it."""
    return -(2**63) <= number < 2**64


def _wrong_type(value: object, type_: DataType) -> Refused:
    return invalid(
        f"JSON Value: {quote(value)} Type: {name_type(value)} is not of expected type: {type_.name}"
    )
