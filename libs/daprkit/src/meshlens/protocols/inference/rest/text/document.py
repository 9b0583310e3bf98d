"""The JSON of a request, in which the numbers of tensors stay text until their type is known.

A parser makes an object of every number, which takes many times the body. So each array called
`data` that holds neither strings nor objects is cut out, and what is left is parsed.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.punctuation import count_commas

_KEY = b'"data"'
_OPENING = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*(?=\[)')
# An empty list takes two bytes of JSON and thirty times as many of memory.
_MOST_CONTAINERS = 200_000
_MOST_ARRAYS = 10_000
# Numbers and short strings take some ten times as much memory as their text.
_MOST_VALUES = 500_000
_MOST_IGNORED = 1 << 20


@dataclass(frozen=True, slots=True)
class Document:
    """A request as JSON.

    Attributes:
        root: the object, with a name in the place of each array that was cut out.
        arrays: the text of those, by name.
    """

    root: dict[str, Any]
    arrays: dict[str, memoryview]

    def take(self, value: object) -> bytes | None:
        """Return the text of the array that a value of the object stands for; None for others."""
        text = self.arrays.pop(value, None) if isinstance(value, str) else None
        return None if text is None else bytes(text)

    def finish(self) -> None:
        """Check what nobody has taken: it belongs to keys that are ignored, and must be JSON.

        Raises:
            Refused: it is not, or there is much of it.
        """
        if sum(map(len, self.arrays.values())) > _MOST_IGNORED:
            raise _refuse(f"more than {_MOST_IGNORED} bytes of data that are no input's")
        for text in self.arrays.values():
            _parse(bytes(text))


def read_document(text: bytes) -> Document:
    """Return the JSON object in `text`.

    Raises:
        Refused: it is no JSON object, or has too many parts.
    """
    # A caller cannot know the names, so no string of his can be one of them.
    secret = secrets.token_hex(8)
    arrays: dict[str, memoryview] = {}
    parts: list[bytes | memoryview] = []
    whole, done = memoryview(text), 0
    if text.count(_KEY) > _MOST_ARRAYS:
        raise _refuse(f"more than {_MOST_ARRAYS} arrays of data")
    for start, end in _find_arrays(text):
        name = f"{secret}.{len(arrays)}"
        arrays[name] = whole[start:end]
        parts += whole[done:start], b'"%b"' % name.encode()
        done = end
    rest = b"".join([*parts, whole[done:]])
    if rest.count(b"[") + rest.count(b"{") > _MOST_CONTAINERS:
        raise _refuse(f"more than {_MOST_CONTAINERS} lists and objects")
    if rest.count(b",") > _MOST_VALUES and count_commas(rest) > _MOST_VALUES:
        raise _refuse(
            f"more than {_MOST_VALUES} values besides numbers of inputs; send several requests"
        )
    root = _parse(rest)
    if not isinstance(root, dict):
        raise _refuse("expected a JSON object")
    return Document(root, arrays)


def _parse(text: bytes) -> object:
    try:
        return from_json(text)
    except ValueError as error:
        # Arrays that were cut out move the column; a client compares the beginning only.
        raise _refuse(str(error)) from None


def _find_arrays(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each array of numbers begins and ends.

    A quote that is not escaped can only begin this key, or end a string that no colon may follow;
    that is no JSON, before and after the cut.
    """
    place = text.find(_KEY)
    while place >= 0:
        opening = _OPENING.match(text, place)
        place += len(_KEY)
        if opening and text[opening.start() - 1 : opening.start()] != b"\\":
            start = opening.end()
            end = _find_end(text, start)
            if end > start:
                yield start, end
                place = end
        place = text.find(_KEY, place)


def _find_end(text: bytes, start: int) -> int:
    """Return where the array at `start` ends; 0 if it holds more than numbers."""
    stop = text.find(b'"', start)
    stop = len(text) if stop < 0 else stop
    for sign in (b"}", b"{"):
        found = text.find(sign, start, stop)
        stop = stop if found < 0 else found
    end = text.rfind(b"]", start, stop) + 1
    # Strings or objects within the array come before its end, which is then an inner one or none.
    return end if end and text.count(b"[", start, end) == text.count(b"]", start, end) else 0


def _refuse(why: str) -> Refused:
    return Refused(Status.INVALID_ARGUMENT, f"failed to parse the request JSON buffer: {why}")
