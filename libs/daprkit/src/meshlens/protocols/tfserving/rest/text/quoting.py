"""How errors quote and name a value in JSON."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from meshlens.protocols.tfserving.refusals import LONGEST_TEXT


def quote(value: object) -> str:
    """Return a value as errors quote it: indented, and only as much as an error can have."""
    parts: list[str] = []
    size = 0
    for part in _ENCODER.iterencode(value):
        parts.append(part)
        size += len(part)
        if size > LONGEST_TEXT:
            break
    return "".join(parts)


def name_type(value: object) -> str:
    """Return the type of a JSON value as errors name it."""
    match value:
        case None:
            return "Null"
        case bool():
            return str(value)
        case str():
            return "String"
        case Mapping():
            return "Object"
        case Iterable():
            return "Array"
        case _:
            return "Number"


def _shorten(value: Mapping[str, Any] | Iterable[Any]) -> object:
    """Return what can be quoted of a list or an object that is too large to be parsed at once."""
    if isinstance(value, Mapping):
        return {name: value[name] for name in islice(value, LONGEST_TEXT)}
    return list(islice(value, LONGEST_TEXT))


_ENCODER = json.JSONEncoder(indent=4, ensure_ascii=False, default=_shorten)
