"""Fields of a JSON object, each of the type that the protocol says, or refused."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.inference.refusals import invalid

T = TypeVar("T")

_NAMES: Mapping[type, str] = {bool: "boolean", int: "integer", str: "string", list: "array"}
_LARGEST = 2**63 - 1
_WIDEST = 16  # bytes of an element
_MOST_AXES = 64  # of an array of numpy


def read(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Return a field that must be there.

    Raises:
        Refused: it is not, or has another type.
    """
    if name not in fields:
        raise unreadable(name, f"attempt to access non-existing object member '{name}'")
    return _check(fields[name], name, kind)


def find(fields: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    """Return a field, `default` without it.

    Raises:
        Refused: it has another type.
    """
    return _check(fields[name], name, kind) if name in fields else default


def find_count(fields: Mapping[str, Any], name: str, default: int) -> int:
    """Return a field that must be a number from 0 on, `default` without it.

    Raises:
        Refused: it is something else.
    """
    value = find(fields, name, int, default)
    if value < 0:
        raise unreadable(name, "attempt to access JSON non-unsigned-integer as unsigned-integer")
    return value


def find_objects(fields: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return a field that must be an array of objects; empty without it.

    Raises:
        Refused: it is something else.
    """
    objects = find(fields, name, list, [])
    for item in objects:
        _check(item, name, dict)
    return objects


def read_shape(fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of a tensor's axes.

    Raises:
        Refused: one is no number from 0 on, or they have too large a product.
    """
    shape = read(fields, "shape", list)
    for size in shape:
        if type(size) is not int or size < 0:
            raise unreadable(
                "shape", "attempt to access JSON non-unsigned-integer as unsigned-integer"
            )
    if len(shape) > _MOST_AXES:
        raise unreadable("shape", f"more than {_MOST_AXES} axes")
    # Sizes beside one of 0 count, too: the memory of an array is computed from each of them.
    if math.prod(max(size, 1) for size in shape) > _LARGEST // _WIDEST:
        raise unreadable("shape", f"more than {_LARGEST // _WIDEST} elements")
    return tuple(shape)


def unreadable(name: str, why: str) -> Refused:
    """Return the refusal of a field."""
    return invalid(f"Unable to parse '{name}': {why}")


def _check(value: object, name: str, kind: type[T]) -> T:
    # True is an int to Python, and no number to the protocol.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        word = _NAMES.get(kind, "object")
        raise unreadable(name, f"attempt to access JSON non-{word} as {word}")
    return value
