"""The last result events of this process, for those who watch them as they come."""

import json
import re
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from meshlens.daprkit.errors import InvalidRequest

# Events are small, but the facts of one may be many.
MOST_BYTES = 1024 * 1024
_CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader gets.

    Attributes:
        events: JSON objects with the keys `time`, of publication, and `data`, the event; the
            earliest first.
        cursor: where to read on.
        missed: events between the reader's cursor and the first of these that are kept no longer.
    """

    events: tuple[bytes, ...]
    cursor: str
    missed: int


class RecentEvents:
    """Keeps the last events, and lets readers wait for the next.

    Args:
        limit: how many are kept; fewer if they are larger than MOST_BYTES together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._count = 0
        self._closed = False
        self._changed = threading.Condition()
        # Numbers begin anew in the next process, so a cursor says which one it is from.
        self._process = secrets.token_hex(4)

    def add(self, data: bytes) -> None:
        """Keep an event, as it was published, and wake who waits for it."""
        time = json.dumps(datetime.now(UTC).isoformat(timespec="milliseconds")).encode()
        event = b'{"time": %s, "data": %s}' % (time, data)
        with self._changed:
            self._kept.append(event)
            self._size += len(event)
            self._count += 1
            while len(self._kept) > self._limit or self._size > MOST_BYTES:
                self._size -= len(self._kept.popleft())
            self._changed.notify_all()

    def read(self, after: str = "", *, seconds: float = 0.0) -> Seen:
        """Return the events after a cursor.

        Args:
            after: the cursor of an earlier answer; without one, or with that of an earlier
                process, everything that is kept is returned at once.
            seconds: how long to wait if there is nothing after the cursor.

        Raises:
            InvalidRequest: no cursor looks like that.
        """
        position = self._find(after)
        with self._changed:
            if position is not None:
                here = position
                self._changed.wait_for(lambda: self._count > here or self._closed, seconds)
            first = self._count - len(self._kept)
            begin = position or 0
            return Seen(
                events=tuple(self._kept)[max(0, begin - first) :],
                cursor=f"{self._process}-{self._count}",
                missed=max(0, first - begin),
            )

    def close(self) -> None:
        """Let nobody wait from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _find(self, cursor: str) -> int | None:
        """Return how many events its reader has seen; None for a cursor that is not of here."""
        if not cursor:
            return None
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise InvalidRequest(
                "after must be the cursor of an earlier answer",
                got=repr(cursor),
                remedy="leave it out to get every event that is kept",
                option="after",
            )
        seen = int(match[2])
        return seen if match[1] == self._process and seen <= self._count else None
