"""Answers in memory: those that were used last, for so long and so large together."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Of a place besides what is kept: its key, and what dictionaries need.
_OVERHEAD = 512
# One that is larger than this share would cost too many others their place.
_LARGEST_SHARE = 4


@dataclass(frozen=True, slots=True)
class _Place:
    data: bytes
    until: float


class RecentAnswers:
    """Packed answers by their keys; safe to use from any number of threads.

    Args:
        most_bytes: of all that is kept; what was not used for longest goes first.
        clock: returns seconds that never go back.
    """

    def __init__(self, most_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that all of it takes, about."""
        return self._size

    def get(self, key: str) -> bytes | None:
        """Return what is kept under `key`, None if there is nothing or it has expired."""
        with self._lock:
            place = self._places.get(key)
            if place is None:
                return None
            if place.until <= self._clock():
                self._drop(key)
                return None
            self._places.move_to_end(key)
            return place.data

    def put(self, key: str, data: bytes, seconds: float) -> None:
        """Keep `data` under `key` for so many seconds, unless it is too large."""
        size = len(data) + _OVERHEAD
        with self._lock:
            if key in self._places:
                self._drop(key)
            if size > self._most_bytes // _LARGEST_SHARE:
                return
            self._places[key] = _Place(data, self._clock() + seconds)
            self._size += size
            while self._size > self._most_bytes:
                self._drop(next(iter(self._places)))

    def _drop(self, key: str) -> None:
        self._size -= len(self._places.pop(key).data) + _OVERHEAD
