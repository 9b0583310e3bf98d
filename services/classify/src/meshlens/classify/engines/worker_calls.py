"""The calls that a worker process is computing: which of them it has died of, and which is late."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meshlens.classify.engines.bounds import find_deadline

# The caller of a call has left when its time is over; a process is not killed for a moment more.
GRACE_SECONDS = 5.0
_TICK_SECONDS = 1.0


class Calls:
    """The calls of one process, watched by a thread.

    Args:
        kill: ends the process.
        grace: seconds that a call may take beyond its time.
    """

    def __init__(self, kill: Callable[[], None], *, grace: float = GRACE_SECONDS) -> None:
        self._kill = kill
        self._grace = grace
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._running: dict[int, float] = {}
        self._failed: set[int] = set()
        self._late: set[int] = set()
        self._over = False
        threading.Thread(target=self._watch, name="worker-calls", daemon=True).start()

    @contextmanager
    def call(self) -> Iterator[int]:
        """Count a call as running, and yield its number."""
        number = next(self._numbers)
        idle = not self._running
        self._running[number] = find_deadline() + self._grace
        if idle:
            with self._changed:
                self._changed.notify()
        try:
            yield number
        finally:
            self._running.pop(number, None)

    def fail(self, number: int) -> None:
        """Note that the process has ended during a call."""
        self._failed.add(number)

    def was_alone(self, number: int) -> bool:
        """Return whether the process has ended during this call and no other."""
        return {*self._failed, *self._running} == {number}

    def was_late(self, number: int) -> bool:
        """Return whether the process was killed because of this call."""
        return number in self._late

    def end(self) -> None:
        """Watch no longer: the process has ended."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._over:
                self._changed.wait(_TICK_SECONDS if self._running else None)
                now = time.monotonic()
                self._late = {at for at, end in tuple(self._running.items()) if end < now}
                if self._late:
                    self._kill()
                    return
