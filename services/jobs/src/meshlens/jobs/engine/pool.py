"""The threads in which a worker does its activities, one of each job in turn."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeAlias

from meshlens.jobs.engine.activities import Answer

_Work: TypeAlias = Callable[[], Answer]
_Item: TypeAlias = tuple[Future[Answer], _Work]


class Pool:
    """Some threads; what comes next is of the job whose turn was longest ago.

    So a job that has little outstanding waits for what has begun, not for all that others have
    outstanding.

    Args:
        threads: how many, as many as parts are worked on at a time.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="activity")
        self._waiting: dict[str, deque[_Item]] = {}
        # When jobs had their last turn, as far as one that waits had an earlier one.
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._lock = Lock()
        self._closed = False

    def submit(self, job: str, work: _Work) -> Future[Answer]:
        """Have some work of a job done in its turn; once the pool is closed it is cancelled."""
        future: Future[Answer] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
                return future
            self._waiting.setdefault(job, deque()).append((future, work))
            # Each call takes one of what waits, whichever it is.
            self._threads.submit(self._do_next)
        return future

    def is_idle(self) -> bool:
        """Whether nothing waits for a thread."""
        return not self._waiting

    def close(self) -> None:
        """Cancel what waits, and take no more; what has begun goes on."""
        with self._lock:
            self._closed = True
            waiting = [future for items in self._waiting.values() for future, _ in items]
            self._waiting.clear()
            self._threads.shutdown(wait=False, cancel_futures=True)
        for future in waiting:
            future.cancel()

    def join(self) -> None:
        """Wait for what has begun."""
        self._threads.shutdown()

    def _do_next(self) -> None:
        item = self._take()
        if item is None:
            return
        future, work = item
        if not future.set_running_or_notify_cancel():
            return
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 - it is whoever waits for the answer that gets it
            future.set_exception(error)
        else:
            future.set_result(answer)

    def _take(self) -> _Item | None:
        """Return what comes next; None if the pool was closed just now."""
        with self._lock:
            job = min(self._waiting, key=self._last_turn, default=None)
            if job is None:
                return None
            last = self._last_turn(job)
            self._turns = {other: turn for other, turn in self._turns.items() if turn > last}
            self._turn += 1
            self._turns[job] = self._turn
            items = self._waiting[job]
            item = items.popleft()
            if not items:
                del self._waiting[job]
            return item

    def _last_turn(self, job: str) -> int:
        return self._turns.get(job, 0)
