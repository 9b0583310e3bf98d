"""The text of a request: JSON with NaN and Infinity, refused in the words of the original."""

import re
from typing import Any

import pydantic_core

from meshlens.protocols.tfserving.refusals import invalid

PARSE_ERROR = "JSON Parse error"
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


def parse_text(text: bytes, place: int = 0, *, whole: bool = True) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value that a text stands for.

    Args:
        text: the JSON.
        place: of the text in the body.
        whole: refuse what stands behind the value, which is ignored otherwise.

    Raises:
        Refused: INVALID_ARGUMENT: it is no JSON, or nested deeper than 200.
    """
    if not text:
        raise invalid(f"{PARSE_ERROR}: The document is empty. at offset: {place}")
    try:
        return pydantic_core.from_json(text)
    except ValueError as error:
        offset = _find_offset(text, str(error))
        if not whole and str(error).startswith(_TRAILING):
            return pydantic_core.from_json(text[:offset])
        words = (theirs for ours, theirs in _WORDS if str(error).startswith(ours))
        raise invalid(
            f"{PARSE_ERROR}: {next(words, 'Invalid value.')} at offset: {place + offset}"
        ) from None


def check_overflow(body: bytes, infinities: int) -> None:
    """Refuse numbers that no double can hold, which became infinities.

    Raises:
        Refused: INVALID_ARGUMENT: there are more infinities than words for them.
    """
    if infinities and infinities > body.count(b"Infinity"):
        raise invalid(f"{PARSE_ERROR}: Number too big to be stored in double.")


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
