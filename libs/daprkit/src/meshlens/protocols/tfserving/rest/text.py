"""The text of a request: JSON with NaN and Infinity, bounded, and how errors quote it."""

import json
import re
from typing import Any

import pydantic_core

from meshlens.protocols.tfserving.refusals import LONGEST_TEXT, invalid

# Our parser's words -> those of the original's, RapidJSON.
_WORDS = (
    ("EOF while parsing a string", "Missing a closing quotation mark in string."),
    ("EOF while parsing a list", "Missing a comma or ] after an array element."),
    ("EOF while parsing an object", "Missing a comma or } after an object member."),
    ("expected `:`", "Missing a colon after a name of object member."),
    ("expected `,` or `]`", "Missing a comma or ] after an array element."),
    ("expected `,` or `}`", "Missing a comma or } after an object member."),
    ("key must be a string", "Missing a name for object member."),
    ("invalid unicode code point", "Invalid encoding in string."),
    ("invalid escape", "Invalid escape character in string."),
    ("control character", "Invalid encoding in string."),
    ("unexpected end of hex escape", "The surrogate pair in string is invalid."),
    ("lone leading surrogate", "The surrogate pair in string is invalid."),
    ("number out of range", "Number too big to be stored in double."),
    ("recursion limit exceeded", "Lists and objects are nested too deep."),
)
_PLACE = re.compile(r" at line (\d+) column (\d+)$")
_TRAILING = "trailing characters"


def parse(body: bytes) -> dict[str, Any]:
    """Return the object in a body; what stands behind it is ignored.

    Raises:
        Refused: INVALID_ARGUMENT: it is no JSON, no object, or nested deeper than 200.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty. at offset: 0")
    try:
        value = pydantic_core.from_json(body)
    except ValueError as error:
        value = _parse_beginning(body, str(error))
    if not isinstance(value, dict):
        raise invalid(f"JSON Value: {quote(value)} Is not object")
    return value


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
        case dict():
            return "Object"
        case list():
            return "Array"
        case str():
            return "String"
        case _:
            return "Number"


def check_overflow(body: bytes, infinities: int) -> None:
    """Refuse numbers that no double can hold, which became infinities.

    Raises:
        Refused: INVALID_ARGUMENT: there are more infinities than words for them.
    """
    if infinities and infinities > body.count(b"Infinity"):
        raise invalid("JSON Parse error: Number too big to be stored in double.")


def _parse_beginning(body: bytes, error: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value before what the parser found wrong, if that is what follows the value."""
    offset = _find_offset(body, error)
    if error.startswith(_TRAILING):
        return pydantic_core.from_json(body[:offset])
    words = (theirs for ours, theirs in _WORDS if error.startswith(ours))
    raise invalid(f"JSON Parse error: {next(words, 'Invalid value.')} at offset: {offset}")


def _find_offset(body: bytes, error: str) -> int:
    """Return the offset of the place that an error of our parser names."""
    place = _PLACE.search(error)
    if place is None:
        return 0
    line, column = map(int, place.groups())
    start = 0
    for _ in range(line - 1):
        start = body.index(b"\n", start) + 1
    return max(start + column - 1, 0)


_ENCODER = json.JSONEncoder(indent=4, ensure_ascii=False)
