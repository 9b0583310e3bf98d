"""Readers: the calls whose messages are arriving now, as many as there is memory for.

gRPC does not say how large a message is before all of it is in memory, so only so many may arrive
at the same time. No caller has more than half of what is free: one that opens calls and sends
nothing leaves room for others. A message that does not arrive is given up once others wait.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from meshlens.daprkit.errors import Busy

# Seconds after which a message that is still on its way is given up if others wait: several times
# what the largest takes on a busy host.
PATIENCE = 10.0
_RETRY_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Reader:
    give_up: Callable[[], object]
    since: float
    given_up: bool = False


class Readers:
    """Lets so many messages arrive at the same time, and so many wait for that.

    Args:
        most: how many arrive.
        most_waiting: how many wait.
        patience: seconds that a message has while others wait.
    """

    def __init__(self, most: int, most_waiting: int, patience: float = PATIENCE) -> None:
        self._most = most
        self._most_waiting = most_waiting
        self._patience = patience
        self._changed = threading.Condition()
        # The earliest first.
        self._readers: dict[_Reader, None] = {}
        self._reading: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def read(self, caller: str, give_up: Callable[[], object]) -> Iterator[None]:
        """Read a message within this.

        Args:
            caller: who sends it.
            give_up: ends the call.

        Raises:
            Busy: too many arrive or wait.
        """
        reader = _Reader(give_up, 0.0)
        with self._changed:
            if not _has_room(self._reading, caller, self._most):
                self._wait(caller)
            reader.since = time.monotonic()
            self._readers[reader] = None
            self._reading[caller] += 1
        try:
            yield
        finally:
            with self._changed:
                del self._readers[reader]
                _take_off(self._reading, caller)
                if self._waiting:
                    self._changed.notify_all()

    def _wait(self, caller: str) -> None:
        if not _has_room(self._waiting, caller, self._most_waiting):
            raise Busy(self._most, _RETRY_SECONDS)
        self._waiting[caller] += 1
        # Long enough for those to go that are given up.
        deadline = time.monotonic() + 2 * self._patience
        try:
            while not _has_room(self._reading, caller, self._most):
                now = time.monotonic()
                if now >= deadline:
                    raise Busy(self._most, _RETRY_SECONDS)
                self._changed.wait(min(deadline, self._give_up_late(now)) - now)
        finally:
            _take_off(self._waiting, caller)

    def _give_up_late(self, now: float) -> float:
        """End what takes too long; return when the next will have taken too long."""
        for reader in self._readers:
            late = reader.since + self._patience
            if late > now:
                return late
            if not reader.given_up:
                reader.given_up = True
                reader.give_up()
        return now + self._patience


def _has_room(counted: Counter[str], caller: str, most: int) -> bool:
    """Whether a caller has less than what is left, which is room for one more."""
    return counted[caller] < most - counted.total() if counted else most > 0


def _take_off(counted: Counter[str], caller: str) -> None:
    counted[caller] -= 1
    if not counted[caller]:
        del counted[caller]
