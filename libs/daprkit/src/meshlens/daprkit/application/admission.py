"""What may run: a bounded queue in front of a first-in-first-out pool, with time limits.

A semaphore taken in the handler threads would wake waiters in any order; one executor with as
many threads as cores keeps the order, and with it the tail of the latencies.
"""

import contextvars
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from meshlens.daprkit.errors import Busy, CallerGone, TimeLimitExceeded

T = TypeVar("T")

_SMOOTHING = 0.1
_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 5.0

_arrival: contextvars.ContextVar[float | None] = contextvars.ContextVar("arrival", default=None)
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)


def time_waited() -> float:
    """Return the seconds since the work of this context was admitted; 0 if it never was."""
    arrival = _arrival.get()
    return 0.0 if arrival is None else time.monotonic() - arrival


def time_left() -> float:
    """Return the seconds in which the work of this context must be done; inf without a limit."""
    return max(0.0, _deadline.get() - time.monotonic())


class Slots:
    """A fixed number of slots; a request that finds none free is refused at once.

    Args:
        limit: how many requests may hold a slot at the same time.
        retry_after: returns the seconds after which a refused caller may try again.
    """

    def __init__(
        self, limit: int, retry_after: Callable[[], float] = lambda: _SHORTEST_RETRY
    ) -> None:
        self.limit = limit
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self._held = 0

    @property
    def held(self) -> int:
        """Number of slots held now."""
        return self._held

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold one slot for as long as the request is in the service.

        Raises:
            Busy: every slot is taken; carries the delay before a retry.
        """
        with self._lock:
            if self._held >= self.limit:
                raise Busy(self.limit, self._retry_after())
            self._held += 1
        try:
            yield
        finally:
            self._release()

    def hold_until_done(self, future: Future[T]) -> None:
        """Hold one more slot, for work that continues although no caller waits for it."""
        with self._lock:
            self._held += 1
        future.add_done_callback(lambda _: self._release())

    def _release(self) -> None:
        with self._lock:
            self._held -= 1


class Admission:
    """Admits `workers * queue_per_worker` requests and runs them in order of arrival.

    Args:
        workers: number of worker threads.
        queue_per_worker: requests admitted for each worker, the running one included.

    Attributes:
        slots: what a request must hold while it is in the service.
    """

    def __init__(self, workers: int, queue_per_worker: int) -> None:
        self.slots = Slots(workers * queue_per_worker, self._retry_after)
        self._workers = workers
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._mean_seconds = 0.0

    def run(
        self,
        work: Callable[[], T],
        *,
        seconds: float,
        on_caller_gone: Callable[[Callable[[], None]], bool],
    ) -> T:
        """Run `work` on a worker, in the order of arrival, and return what it returns.

        Args:
            work: the work to run; it sees the caller's context variables, and its `time_waited`
                and `time_left`.
            seconds: the time limit. Work that has not begun by then never begins; work that
                has begun keeps its slot until it ends, although no caller waits for it.
            on_caller_gone: given a function to call once the caller has gone away; it returns
                False if that has happened already.

        Raises:
            CallerGone: the caller went away before the work began.
            TimeLimitExceeded: the time limit has passed.
        """
        arrival = time.monotonic()
        deadline = arrival + seconds
        context = contextvars.copy_context()
        context.run(_arrival.set, arrival)
        context.run(_deadline.set, deadline)

        def begin() -> T:
            began = time.monotonic()
            if began >= deadline:
                raise _too_late(seconds)
            try:
                return context.run(work)
            finally:
                self._observe(time.monotonic() - began)

        future = self._executor.submit(begin)
        if not on_caller_gone(partial(_cancel, future)):
            future.cancel()
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except CancelledError:
            raise CallerGone("the caller went away while the request waited") from None
        except TimeoutError:
            if future.done():
                return future.result()
            if not future.cancel():
                self.slots.hold_until_done(future)
            raise _too_late(seconds) from None

    def close(self) -> None:
        """Finish running work and drop queued work."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _observe(self, seconds: float) -> None:
        # An update lost to a race between two workers hardly changes an estimate.
        self._mean_seconds += _SMOOTHING * (seconds - self._mean_seconds)

    def _retry_after(self) -> float:
        """Seconds until about half of a full queue will have been answered."""
        expected = self._mean_seconds * self.slots.limit / self._workers / 2
        return min(max(expected, _SHORTEST_RETRY), _LONGEST_RETRY)


def _too_late(seconds: float) -> TimeLimitExceeded:
    return TimeLimitExceeded(
        f"expected an answer within {seconds:g} s",
        got="none in that time",
        remedy="allow more by the gRPC deadline or ?timeout=<seconds>, or send less at once",
    )


def _cancel(future: Future[T]) -> None:
    future.cancel()
