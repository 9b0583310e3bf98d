"""A result event as a row: what is not one is refused, before a database sees it."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

TYPE = "meshlens.result.v1"
# Times as far from 1970 as numbers of JSON have them to the microsecond: from 1684 to 2255.
FARTHEST = 2**53 - 1

_LONGEST_NAME = 255
_SHOWN = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)


class NotRecordable(Exception):
    """This is no result event, and will not be one when it is delivered again."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row.

    Attributes:
        id: of the event; with `service` it is the event's only one.
        service: that has answered.
        time: when the request ended, in microseconds since 1970.
        method: of the request.
        model: that has answered; empty if none has.
        outcome: OK or the code of the failure.
        data: the event's data, as JSON.
    """

    id: str
    service: str
    time: int
    method: str
    model: str
    outcome: str
    data: str


def read_time(text: str) -> int:
    """Return the microseconds since 1970 of a time as in RFC 3339.

    Raises:
        ValueError: it is none.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("it is not of the form 2026-01-31T12:00:00Z")
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(microseconds=1)


def write_time(time: int) -> str:
    """Return a time as in RFC 3339."""
    return (_EPOCH + timedelta(microseconds=time)).isoformat().replace("+00:00", "Z")


def read_record(body: bytes) -> Record:
    """Return the row of a CloudEvent.

    Raises:
        NotRecordable: it is no result event.
    """
    try:
        event = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotRecordable(f"expected JSON, got {_show(body)}: {error}") from None
    if not isinstance(event, dict):
        raise NotRecordable(f"expected a CloudEvent, got {_show(event)}")
    if event.get("type") != TYPE:
        raise NotRecordable(f"expected type {TYPE}, got {_show(event.get('type'))}")
    data = event.get("data")
    if not isinstance(data, dict):
        raise NotRecordable(f"expected an object as data, got {_show(data)}")
    try:
        time = read_time(_read_name(event, "time"))
    except (ValueError, OverflowError) as error:
        raise NotRecordable(f"expected a time, got {_show(event['time'])}: {error}") from None
    if abs(time) > FARTHEST:
        raise NotRecordable(f"expected a time from 1685 to 2254, got {_show(event['time'])}")
    try:
        # ASCII: no database refuses it.
        text = json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise NotRecordable(f"expected data that can be written as JSON: {error}") from None
    return Record(
        id=_read_name(event, "id"),
        service=_read_name(event, "source"),
        time=time,
        method=_read_name(data, "method"),
        model=_read_name(data, "model") if data.get("model") else "",
        outcome=_read_name(data, "outcome"),
        data=text,
    )


def _read_name(facts: dict[str, Any], name: str) -> str:
    text = facts.get(name)
    # What is not printable, such as a zero byte or half a surrogate pair, databases refuse.
    if isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and text.isprintable():
        return text
    raise NotRecordable(
        f"expected 1 to {_LONGEST_NAME} printable characters as {name}, got {_show(text)}"
    )


def _show(value: object) -> str:
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        return type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
