"""JSON in parts: what is large in a body is parsed when it is read, and only as much at a time.

A parser makes objects that take up to thirty times as much memory as their text. So a list or an
object with much text stays text, of which only the places of some commas are known.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np

from meshlens.protocols.punctuation import BLOCK, COMMA, find_signs, hide_escapes
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest.text.parsing import PARSE_ERROR, parse_text
from meshlens.protocols.tfserving.rest.text.quoting import quote

# What is no larger is parsed at once, the objects of which take some dozen megabytes.
_SMALL = 2 * BLOCK
_MOST_NAMES = 10_000
# Each level of what is large is looked through again; tensors have fewer axes.
_DEEPEST = 12
_NAME = re.compile(rb'[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*+")
_BLANKS = b" \t\r\n"


def parse_object(body: bytes, names: Collection[str]) -> Mapping[str, Any]:
    """Return the object in a body; what stands behind it is ignored.

    Args:
        body: the JSON.
        names: of the members that are going to be read; the others are checked here.

    Raises:
        Refused: INVALID_ARGUMENT: it is no JSON, no object, or nested deeper than 200.
    """
    if len(body) > _SMALL and body.lstrip()[:1] in (b"[", b"{"):
        value = _Source.of(body).open(len(body) - len(body.lstrip()), 0)
    else:
        value = parse_text(body, whole=False)
    if not isinstance(value, Mapping):
        raise invalid(f"JSON Value: {quote(value)} Is not object")
    check_others(value, names)
    return value


def check_others(value: Mapping[str, Any], names: Collection[str]) -> None:
    """Check members that nobody is going to read.

    Raises:
        Refused: INVALID_ARGUMENT: one is no JSON.
    """
    if isinstance(value, Members):
        for name in value:
            if name not in names:
                _check(value[name])


def is_list(value: object) -> TypeGuard["list[Any] | Elements"]:
    """Return whether a value is a list in JSON."""
    return isinstance(value, list | Elements)


def list_parts(values: "list[Any] | Elements") -> Iterator[list[Any]]:
    """Yield the elements of a list, as many at a time as may be in memory.

    One that is large itself comes alone.
    """
    return values.parts() if isinstance(values, Elements) else iter([values])


def find_first(values: "list[Any] | Elements") -> Any:  # noqa: ANN401 - any JSON value
    """Return the first element of a list that has one."""
    return next(iter(values))


@dataclass(frozen=True, slots=True)
class _Source:
    """A body.

    Attributes:
        text: as it was sent.
        plain: the same without escaped quotes, so that every quote begins or ends a string.
    """

    text: bytes
    plain: bytes

    @classmethod
    def of(cls, text: bytes) -> "_Source":
        return cls(text, hide_escapes(text))

    def read(self, start: int, end: int, level: int) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value between two places."""
        start = self._skip(start, end)
        if end - start <= _SMALL or self.text[start : start + 1] not in (b"[", b"{"):
            return parse_text(self.text[start:end], start)
        value = self.open(start, level)
        behind = self._skip(value.end + 1, end)
        if behind < end:
            raise _fail("Invalid value.", behind)
        return value

    def open(self, start: int, level: int) -> "Elements | Members":
        """Return the list or object that begins at a place."""
        if level > _DEEPEST:
            raise _fail("Lists and objects are nested too deep.", start)
        return (Elements if self.text[start] == ord("[") else Members)(self, start, level)

    def _skip(self, start: int, end: int) -> int:
        """Return the place of the first sign that is no blank."""
        blanks = _BLANK.match(self.text, start, end)
        return blanks.end() if blanks else start

    def divide(self, start: int, *, everywhere: bool) -> tuple[list[int], int, int]:
        """Look through a list or an object.

        Args:
            start: where it begins.
            everywhere: whether each comma is wanted, or only so many that what is between two is
                either small or one element.

        Returns:
            The places of commas between its elements, how many there are of them, and where it
            ends: beyond the text if it does not.
        """
        cuts: list[int] = []
        count, depth, done = 0, 0, start
        for at, signs in find_signs(self.plain, start):
            depths = np.cumsum(signs * (signs < COMMA), dtype=np.int32) + depth
            depth = int(depths[-1])
            ends = np.flatnonzero(depths == 0)[:1]
            commas = at + np.flatnonzero((depths == 1) & (signs == COMMA))
            if ends.size:
                commas = commas[commas < at + ends[0]]
            count += len(commas)
            if everywhere:
                cuts += commas.tolist() if count < _MOST_NAMES else ()
            elif commas.size:
                first, last = int(commas[0]), int(commas[-1])
                if done < at - BLOCK and first < last:  # the first ends what is large
                    cuts.append(first)
                cuts.append(last)
                done = last
            if ends.size:
                return cuts, count, at + int(ends[0])
        return cuts, count, len(self.plain)

    def close(self, end: int, sign: bytes) -> bytes:
        """Return the sign with which what ends at a place must end; nothing beyond the text."""
        if end < len(self.text) and self.text[end : end + 1] != sign:
            name = "array element" if sign == b"]" else "object member"
            raise _fail(f"Missing a comma or {sign.decode()} after an {name}.", end)
        return sign if end < len(self.text) else b""


class Elements(Collection[Any]):
    """A list in JSON that is too large to be parsed at once.

    Attributes:
        end: the place in the body where it ends.
    """

    def __init__(self, source: _Source, start: int, level: int) -> None:
        self._source = source
        self._level = level
        cuts, commas, self.end = source.divide(start, everywhere=False)
        self._places = [start, *cuts, self.end]
        self._closing = source.close(self.end, b"]")
        is_empty = not commas and not source.text[start + 1 : self.end].strip(_BLANKS)
        self._size = 0 if is_empty else commas + 1

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts():
            yield from part

    def __contains__(self, value: object) -> bool:
        return any(value == each for each in self)

    def parts(self) -> Iterator[list[Any]]:
        """Yield the elements, some at a time; one that is large comes alone."""
        for start, end in pairwise(self._places if self._size else ()):
            yield self._read(start + 1, end)

    def _read(self, start: int, end: int) -> list[Any]:
        closing = b"]" if end < self.end else self._closing
        if end - start <= _SMALL:
            text = b"[%b%b" % (self._source.text[start:end], closing)
            part: list[Any] = parse_text(text, start - 1)
        else:
            part = [self._source.read(start, end, self._level + 1)]
            if not closing:
                _check(part[0])
                raise _fail("Missing a comma or ] after an array element.", end)
        if not part:
            raise _fail("Invalid value.", end)
        return part


class Members(Mapping[str, Any]):
    """An object in JSON that is too large to be parsed at once. What is read is not kept.

    Attributes:
        end: the place in the body where it ends.
    """

    def __init__(self, source: _Source, start: int, level: int) -> None:
        self._source = source
        self._level = level
        cuts, commas, self.end = source.divide(start, everywhere=True)
        closing = source.close(self.end, b"}")
        if commas >= _MOST_NAMES:
            raise invalid(
                f"Expected an object with at most {_MOST_NAMES} members, got {commas + 1}."
                " Send lists instead."
            )
        self._places: dict[str, tuple[int, int]] = {}
        is_empty = not commas and not source.text[start + 1 : self.end].strip(_BLANKS)
        for before, after in pairwise(() if is_empty else (start, *cuts, self.end)):
            name = _NAME.match(source.text, before + 1, after)
            if name is None:
                raise _fail("Missing a name for object member.", before + 1)
            self._places[parse_text(name[1], before + 1)] = name.end(), after
        if not closing:
            for last in [*self._places][-1:]:  # the last, which is not whole either
                _check(self[last])
            raise _fail("Missing a comma or } after an object member.", self.end)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        return self._source.read(*self._places[name], self._level + 1)


def _check(value: object) -> None:
    if isinstance(value, Elements):
        for part in value.parts():
            _check(part[0])  # what is large is alone
    elif isinstance(value, Members):
        check_others(value, ())


def _fail(why: str, offset: int) -> Exception:
    return invalid(f"{PARSE_ERROR}: {why} at offset: {offset}")
