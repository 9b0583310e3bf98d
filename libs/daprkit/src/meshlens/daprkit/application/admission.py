"""What may run: a bounded queue in front of a pool of workers, with time limits.

The queue is fair between flows and in order of arrival within each. A semaphore taken in the
handler threads would wake waiters in any order; one pool with as many threads as cores keeps the
order, and with it the tail of the latencies. An executor would make a second future of each.

Work in parts is offered to workers for which nothing waits, a part at a time: before each they
look at the queue again. Who offers it does its parts, too, and waits for none that has not begun,
so that all workers may have such work at once.

Work that waits for what other work computes pauses: its place is another's meanwhile, by a thread
more. It goes on at once afterwards; whoever is done next gives its place back for it.
"""

import contextvars
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from meshlens.daprkit.application.queueing.fair_queue import FairQueue, Taken
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.application.queueing.limits import FixedLimit, Limit
from meshlens.daprkit.application.queueing.slots import SHORTEST_RETRY, Slot, Slots
from meshlens.daprkit.application.spreading import Parts, begin_sharing, is_awaited
from meshlens.daprkit.errors import CallerGone, TimeLimitExceeded

T = TypeVar("T")

_SMOOTHING = 0.1
# A part that takes less is done sooner than another thread has begun with it.
_SHORTEST_PART = 0.002
_LONGEST_RETRY = 5.0
_END = object()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for work, as far as the work needs to know.

    Attributes:
        waits: returns, in any thread, whether anybody still does, or will come for it.
        pause: a context in which the work's own thread waits for what other work computes.
    """

    waits: Callable[[], bool]
    pause: Callable[[], AbstractContextManager[None]]


_ANYBODY = Caller(lambda: True, nullcontext)

_caller: contextvars.ContextVar[Caller] = contextvars.ContextVar("caller", default=_ANYBODY)
_arrival: contextvars.ContextVar[float | None] = contextvars.ContextVar("arrival", default=None)
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)


def time_waited() -> float:
    """Return the seconds since the work of this context was admitted; 0 if it never was."""
    arrival = _arrival.get()
    return 0.0 if arrival is None else time.monotonic() - arrival


def time_left() -> float:
    """Return the seconds in which the work of this context must be done; inf without a limit."""
    return max(0.0, _deadline.get() - time.monotonic())


def find_caller() -> Caller:
    """Return who waits for the work of this context."""
    caller = _caller.get()
    return replace(caller, waits=_ANYBODY.waits) if is_awaited() else caller


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Waiting:
    """Work that waits for a worker, or has one.

    Attributes:
        work: what to do.
        slot: what its request holds.
        arrival: when it came.
        seconds: what it has of time.
        sharing: how it is shared with other workers, if it is.
        future: how it ends.
    """

    work: Callable[[], Any]
    slot: Slot
    arrival: float
    seconds: float
    sharing: "_Sharing"
    future: "Future[Any]" = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class _Sharing:
    """What the parts of work need to know of it; it does not keep its request in memory.

    Attributes:
        deadline: when its time is over.
        seconds: what it had of time.
        expected: the seconds that work of its flow took before.
        deserted: whether its caller has gone.
        elsewhere: seconds that other workers have done parts of it, less those of its pauses.
    """

    deadline: float
    seconds: float
    expected: float = 0.0
    deserted: bool = False
    elsewhere: float = 0.0

    def check(self) -> None:
        """Raise what its caller gets if that waits no more."""
        if self.deserted:
            raise _gone("was at work")
        if time.monotonic() >= self.deadline:
            raise _too_late(self.seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Offer:
    """Parts that free workers may do; `check` raises an error if nobody waits for them."""

    parts: Parts[Any, Any]
    check: Callable[[], None]


class Admission:
    """Admits `workers * queue_per_worker` requests, and shares the workers among their flows.

    Args:
        workers: number of worker threads.
        queue_per_worker: requests admitted for each worker, the running one included.
        limit: how many of those places may be taken; all of them if not given.
        shortest_part: seconds that a part must take for others to help with it.

    Attributes:
        slots: what a request must hold while it is in the service.
        begun: how many works have begun.
        expired: how many never began because their time was over.
        cancelled: how many never began because their callers had gone.
        pushed_out: how many never began because those of shorter queues took their places.
    """

    def __init__(
        self,
        workers: int,
        queue_per_worker: int,
        limit: Limit | None = None,
        *,
        shortest_part: float = _SHORTEST_PART,
    ) -> None:
        self.begun = self.expired = self.cancelled = self.pushed_out = 0
        most = workers * queue_per_worker
        self._limit = limit or FixedLimit(most)
        self.slots = Slots(most, self._retry_after, self._limit.current, self._push_out)
        self._workers = workers
        self._shortest_part = shortest_part
        # Over the queue, the offers, the limit, and the numbers above.
        self._lock = threading.Lock()
        self._queue: FairQueue[_Waiting] = FairQueue()
        self._offers: deque[_Offer] = deque()
        self._mean_seconds = 0.0
        self._running = self._paused = self._owed = 0
        self._rested = threading.Condition(self._lock)
        self._closed = False
        # As many as there are workers; a thread needs one to take a turn.
        self._places = threading.Semaphore(workers)
        # One for each work that has come, and for each part offered; the end ends a thread.
        self._turns: SimpleQueue[object] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        for _ in range(workers):
            self._start_thread()

    def _start_thread(self) -> None:
        name = f"worker_{len(self._threads)}"
        thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def run(
        self,
        work: Callable[[], T],
        *,
        seconds: float,
        on_caller_gone: Callable[[Callable[[], None]], bool],
        slot: Slot | None = None,
    ) -> T:
        """Run `work` on a worker when it is the turn of its flow, and return what it returns.

        Args:
            work: the work to run; it sees the caller's context variables, and its `time_waited`
                and `time_left`. What it spreads is shared with free workers.
            seconds: the time limit. Work that has not begun by then never begins; work that
                has begun keeps its slot until it ends, although no caller waits for it.
                Parts of it that have not begun never begin, unless the work is `awaited`.
            on_caller_gone: given a function to call once the caller has gone away; it returns
                False if that has happened already.
            slot: what the request holds.

        Raises:
            Busy: a request of another flow has taken its slot before the work began.
            CallerGone: the caller went away before the work began.
            TimeLimitExceeded: the time limit has passed.
        """
        arrival = time.monotonic()
        deadline = arrival + seconds
        context = contextvars.copy_context()
        context.run(_arrival.set, arrival)
        context.run(_deadline.set, deadline)
        sharing = _Sharing(deadline, seconds)
        context.run(
            _caller.set, Caller(lambda: not sharing.deserted, partial(self._pause, sharing))
        )
        context.run(begin_sharing, partial(self._share, sharing))
        waiting = _Waiting(partial(context.run, work), slot or Slot(), arrival, seconds, sharing)
        future: Future[T] = waiting.future  # which it no longer has once it has failed
        with self._lock:
            self._queue.add(waiting.slot.flow, waiting)
        self._turns.put(None)
        # What a caller's connection holds must not keep what has been answered.
        cancel = partial(self._cancel, weakref.ref(waiting))
        if not on_caller_gone(cancel):
            cancel()
        try:
            return future.result(min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX))
        except TimeoutError:
            with self._lock:
                never = self._queue.remove(waiting.slot.flow, waiting)
                self.expired += never
            if not never:
                if future.done():
                    return future.result()
                self.slots.hold_until_done(future)
            raise _too_late(seconds) from None
        finally:
            # A failure refers to this frame by its traceback: if that referred to the failure in
            # turn, a table of megabytes would stay until the next collection.
            del future, waiting

    def await_rest(self, seconds: float) -> bool:
        """Wait until no work waits, and a worker has none; return whether that has come.

        Args:
            seconds: how long to wait at most.
        """
        with self._rested:
            return self._rested.wait_for(
                lambda: not len(self._queue) and self._running < self._workers, seconds
            )

    def close(self) -> None:
        """Finish running work and drop queued work."""
        with self._lock:
            self._closed = True
            dropped = self._queue.clear()
            self.cancelled += len(dropped)
        for waiting in dropped:
            waiting.future.set_exception(_gone("waited"))
        for _ in self._threads:
            self._turns.put(_END)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while True:
            self._places.acquire()
            turn = self._turns.get()
            if turn is not _END:
                self._work()
            self._give_place_back()
            if turn is _END:
                return

    def _give_place_back(self) -> None:
        with self._lock:
            if self._owed:
                self._owed -= 1
                return
        self._places.release()

    @contextmanager
    def _pause(self, sharing: _Sharing) -> Iterator[None]:
        """Let another thread work in place of this one, which waits for work of another."""
        began = time.monotonic()
        with self._lock:
            self._paused += 1
            wanted = self._workers + min(self._paused, self.slots.limit)
            if len(self._threads) < wanted and not self._closed:
                self._start_thread()
        self._give_place_back()
        try:
            yield
        finally:
            with self._lock:
                self._paused -= 1
                self._owed += not self._places.acquire(blocking=False)
                sharing.elsewhere -= time.monotonic() - began

    def _work(self) -> None:
        """Do what is next; what has been removed since leaves nothing to do."""
        with self._lock:
            taken = self._queue.take()
            offer = None if taken else self._next_offer()
        if taken:
            self._begin(taken)
        elif offer:
            offer.parts.help(offer.check)

    def _begin(self, taken: Taken[_Waiting]) -> None:
        waiting = taken.item
        with self._lock:
            began = time.monotonic()
            late = began >= waiting.arrival + waiting.seconds
            if late:
                self._queue.refund(taken)
                self.expired += 1
            else:
                self.begun += 1
                self._running += 1
        waiting.sharing.expected = taken.expected
        future = waiting.future
        if late:
            future.set_exception(_too_late(waiting.seconds))
            return
        try:
            result = waiting.work()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
            self._finish(taken, began)
            future.set_exception(error)
            del waiting.future, future  # as in `run`, and for the frames below this one
        else:
            self._finish(taken, began)
            future.set_result(result)

    def _finish(self, taken: Taken[_Waiting], began: float) -> None:
        worked = time.monotonic() - began
        with self._lock:
            self._queue.finish(taken, worked + taken.item.sharing.elsewhere)
            self._running -= 1
            self._rested.notify_all()
            self._limit.observe(began - taken.item.arrival, worked)
            self._mean_seconds += _SMOOTHING * (worked - self._mean_seconds)

    def _share(self, sharing: _Sharing, parts: Parts[Any, Any], alone: bool) -> None:  # noqa: FBT001 - called by `spread`
        """Do the parts of work that has a worker, with the help of those that are free."""
        check = _go_on if is_awaited() else sharing.check
        offered, began = alone or len(parts) == 1, time.monotonic()
        for done in range(len(parts)):
            worked = time.monotonic() - began
            # As long as it took before, or, if nobody knows, as those that are done.
            expected = max(sharing.expected / len(parts), worked / done if done else 0.0)
            if not offered and expected >= self._shortest_part:
                self._offer(_Offer(parts, check))
                offered = True
            if not parts.do(check):
                break
        parts.wait()
        with self._lock:
            sharing.elsewhere += parts.helped

    def _offer(self, offer: _Offer) -> None:
        with self._lock:
            self._offers.append(offer)
        for _ in range(len(offer.parts) - 1):
            self._turns.put(None)

    def _next_offer(self) -> _Offer | None:
        """Return one that has parts left, each in turn."""
        while self._offers:
            offer = self._offers.popleft()
            if offer.parts.left:
                self._offers.append(offer)
                return offer
        return None

    def _cancel(self, reference: "weakref.ref[_Waiting]") -> None:
        waiting = reference()
        if waiting is None:
            return
        waiting.sharing.deserted = True
        with self._lock:
            if not self._queue.remove(waiting.slot.flow, waiting):
                return
            self.cancelled += 1
        waiting.future.set_exception(_gone("waited"))

    def _push_out(self, flow: Flow) -> Callable[[], None] | None:
        with self._lock:
            out = self._queue.push_out(flow)
            if out is None:
                return None
            self.pushed_out += 1
        out.slot.held = False
        return partial(out.future.set_exception, self.slots.refuse())

    def _retry_after(self) -> float:
        """Seconds until about half of a full queue will have been answered."""
        expected = self._mean_seconds * self._limit.current() / self._workers / 2
        return min(max(expected, SHORTEST_RETRY), _LONGEST_RETRY)


def _too_late(seconds: float) -> TimeLimitExceeded:
    return TimeLimitExceeded(
        f"expected an answer within {seconds:g} s",
        got="none in that time",
        remedy="allow more by the gRPC deadline or ?timeout=<seconds>, or send less at once",
    )


def _gone(then: str) -> CallerGone:
    return CallerGone(f"the caller went away while the request {then}")


def _go_on() -> None:
    pass
