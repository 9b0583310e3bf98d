"""Answers in the state store, which replicas share and a restart finds again.

The store decides nothing: whatever it does not return at once, whole and in time is not there.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Protocol

from meshlens.classify.answer_cache.sealing import seal, unseal
from meshlens.daprkit.errors import StoreUnavailable

# Seconds that a request waits for the store; computing most answers takes less than ten of these.
_READ_SECONDS = 0.05
_WRITE_SECONDS = 2.0
_PAUSE = 30.0
# What waits to be written takes 16 MiB at most.
_MOST_WAITING = 64
_LARGEST = 256 * 1024

_log = logging.getLogger(__name__)


class Values(Protocol):
    """A store of values under keys. Both methods raise StoreUnavailable if it does not answer."""

    def read(self, key: str, *, within: float) -> bytes:
        """Return a value, empty if there is none, in at most so many seconds."""

    def write(self, key: str, value: bytes, *, seconds: int, within: float) -> None:
        """Keep a value for so many seconds; return in at most `within` seconds."""


class SharedAnswers:
    """Packed answers by their keys; safe to use from any number of threads.

    Args:
        values: the store.
        seconds: how long an answer is kept.
        clock: returns the time of day in seconds, about the same for all replicas.
        pause: seconds for which a store that has failed is not used, so that few requests wait for
            it in vain.

    Attributes:
        damaged: values that were not what had been written under their key.
    """

    def __init__(
        self,
        values: Values,
        *,
        seconds: float,
        clock: Callable[[], float] = time.time,
        pause: float = _PAUSE,
    ) -> None:
        self.damaged = 0
        self._values = values
        self._seconds = seconds
        self._clock = clock
        self._pause_seconds = pause
        self._paused_until = 0.0
        self._waiting: Queue[tuple[str, bytes]] = Queue(_MOST_WAITING)
        self._starting = threading.Lock()
        self._writing = False

    def get(self, key: str) -> tuple[bytes, float] | None:
        """Return what is kept under `key`, and for how many seconds more; None if unknown."""
        if self._is_paused():
            return None
        try:
            sealed = self._values.read(_name(key), within=_READ_SECONDS)
        except StoreUnavailable as error:
            self._pause(error)
            return None
        if not sealed:
            return None
        opened = unseal(key, sealed)
        if opened is None:
            self.damaged += 1
            _log.warning("a damaged answer is in the state store: %s", _name(key))
            return None
        data, until = opened
        # A replica whose clock is ahead must not make an answer last longer.
        left = min(until - self._clock(), self._seconds)
        return (data, left) if left > 0 else None

    def put(self, key: str, data: bytes) -> None:
        """Have `data` written under `key` soon, unless it is too large or too much waits."""
        if len(data) > _LARGEST or self._is_paused():
            return
        try:
            self._waiting.put_nowait((key, seal(key, data, self._clock() + self._seconds)))
        except Full:
            return
        with self._starting:
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write_all, name="answers", daemon=True).start()

    def _write_all(self) -> None:
        """Write what waits, then end."""
        try:
            while self._take_next():
                pass
        except BaseException:
            with self._starting:
                self._writing = False  # so that the next answer begins anew
            raise

    def _take_next(self) -> bool:
        """Write the first that waits; return False, and be at the end, if nothing does."""
        try:
            key, sealed = self._waiting.get_nowait()
        except Empty:
            with self._starting:
                self._writing = not self._waiting.empty()
                return self._writing
        if not self._is_paused():
            self._write(key, sealed)
        return True

    def _write(self, key: str, sealed: bytes) -> None:
        seconds = max(1, round(self._seconds))
        try:
            self._values.write(_name(key), sealed, seconds=seconds, within=_WRITE_SECONDS)
        except StoreUnavailable as error:
            self._pause(error)

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: StoreUnavailable) -> None:
        if not self._is_paused():
            _log.warning("answers are not shared for %g s: %s", self._pause_seconds, error)
        self._paused_until = time.monotonic() + self._pause_seconds


def _name(key: str) -> str:
    return f"answer-{key}"
