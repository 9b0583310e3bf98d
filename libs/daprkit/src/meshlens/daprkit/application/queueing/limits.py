"""How many requests may be in the service: a fixed number, or one that follows the latency."""

import math
import time
from collections.abc import Callable
from typing import Protocol

# Of Gradient2 in Netflix's concurrency-limits: https://github.com/Netflix/concurrency-limits
_TOLERANCE = 1.5
_SMOOTHING = 0.2
_STEEPEST = 0.5
# Smoothing of what is measured: about the last twenty requests count.
_RECENT = 0.1
# After so many seconds without a request, what was measured says nothing.
_IDLE_SECONDS = 1.0


class Limit(Protocol):
    """How many requests may wait or run."""

    def current(self) -> int:
        """Return how many."""

    def observe(self, waited: float, worked: float) -> None:
        """Note how many seconds a request has waited for a worker, and had one."""


class FixedLimit:
    """Always the same number.

    Args:
        limit: the number.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def current(self) -> int:
        """Return how many."""
        return self._limit

    def observe(self, waited: float, worked: float) -> None:
        """Do nothing."""


class GradientLimit:
    """As many as keep the time in the service below twice the time of the work itself.

    The algorithm is Gradient2 of Netflix's concurrency-limits. That estimates the time without a
    queue from times with one, since a client sees no other; here both are measured. With W workers
    that are busy all the time, the limit settles at 2 W.

    It begins with `most`, so that a burst is taken in, and returns there when there is no queue, or
    no request for a second. One thread at a time uses it.

    Args:
        workers: how many work at the same time.
        most: the largest limit. The smallest is one request more than there are workers.
        clock: returns the time in seconds.
    """

    def __init__(
        self, workers: int, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least = min(workers + 1, most)
        self._most = most
        self._queue = workers / 2
        self._clock = clock
        self._limit = float(most)
        self._spent = self._worked = 0.0
        self._last = -math.inf

    def current(self) -> int:
        """Return how many."""
        if self._clock() - self._last > _IDLE_SECONDS:
            return self._most
        return round(self._limit)

    def observe(self, waited: float, worked: float) -> None:
        """Note how many seconds a request has waited for a worker, and had one."""
        now = self._clock()
        if now - self._last > _IDLE_SECONDS:
            self._limit = float(self._most)
            self._spent, self._worked = waited + worked, worked
        self._last = now
        self._spent += _RECENT * (waited + worked - self._spent)
        self._worked += _RECENT * (worked - self._worked)
        gradient = _TOLERANCE * self._worked / self._spent if self._spent else 1.0
        wanted = self._limit * max(_STEEPEST, min(1.0, gradient)) + self._queue
        limit = self._limit + _SMOOTHING * (wanted - self._limit)
        self._limit = max(self._least, min(self._most, limit))
