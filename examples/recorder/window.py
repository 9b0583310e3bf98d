"""What a caller wants to see: the query of `seen`."""

import base64
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from record import FARTHEST, read_time

MOST = 1000
_USUAL = 100
_FILTERS = ("service", "model", "outcome")
_NAMES = ("from", "to", *_FILTERS, "limit", "after")
_MOST_NAMES = 20
_SHOWN = 60


class BadQuery(Exception):
    """The query is none; the message says what was expected, what came and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page has ended: the time, service and id of its last event."""

    time: int
    service: str
    id: str

    def write(self) -> str:
        """Return it as text for a query."""
        text = json.dumps([self.time, self.service, self.id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Window:
    """Which events are wanted.

    Attributes:
        begin: the first time, in microseconds since 1970.
        end: the first that is not wanted any more.
        filters: values of columns, by their names.
        limit: how many events at most.
        after: where the page before has ended.
    """

    begin: int
    end: int
    filters: dict[str, str]
    limit: int
    after: Place | None


def read_window(query: str) -> Window:
    """Return what a query wants.

    Raises:
        BadQuery: it is none.
    """
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_NAMES)
    except ValueError:
        raise _bad(f"expected at most {_MOST_NAMES} options", "more", "leave some out") from None
    for name, text in pairs:
        if name not in _NAMES:
            raise _bad(f"expected the options {', '.join(_NAMES)}", name, "leave it out")
        if name in options:
            raise _bad(f"expected {name} once", "it twice", "leave one out")
        if not text.isprintable():
            raise _bad(f"expected printable characters as {name}", text, "leave the others out")
        options[name] = text
    begin, end = _read_time(options, "from"), _read_time(options, "to")
    if begin > end:
        raise _bad("expected from before to", query, "swap them")
    return Window(
        begin,
        end,
        {name: options[name] for name in _FILTERS if name in options},
        _read_limit(options.get("limit")),
        _read_place(options["after"]) if "after" in options else None,
    )


def _read_time(options: dict[str, str], name: str) -> int:
    example = f"write {name}=2026-01-31T12:00:00Z; a + must be %2B"
    if name not in options:
        raise _bad(f"expected {name}, a time as in RFC 3339", "none", example)
    try:
        # No event is farther away.
        return max(-FARTHEST, min(FARTHEST, read_time(options[name])))
    except (ValueError, OverflowError) as error:
        raise _bad(
            f"expected {name} as in RFC 3339", f"{options[name]}: {error}", example
        ) from None


def _read_limit(text: str | None) -> int:
    if text is None:
        return _USUAL
    if text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 0 < int(text) <= MOST:
        return int(text)
    raise _bad(f"expected limit from 1 to {MOST}", text, "read the rest by after=<next>")


def _read_place(text: str) -> Place:
    try:
        time, service, identity = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
    except (ValueError, TypeError, RecursionError):
        time = service = identity = None
    if isinstance(time, int) and isinstance(service, str) and isinstance(identity, str):
        place = Place(time, service, identity)
        if abs(time) <= FARTHEST and (service + identity).isprintable():
            return place
    raise _bad("expected after as the page before has it", text, "take its `next`, or leave it out")


def _bad(expected: str, got: str, remedy: str) -> BadQuery:
    shown = ascii(got) if len(got) <= _SHOWN else f"{got[:_SHOWN]!a}..."
    return BadQuery(f"{expected}, got {shown}; {remedy}")
