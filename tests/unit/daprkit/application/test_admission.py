"""Admission keeps order and never lets more in than it says."""

import contextlib
import gc
import math
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshlens.daprkit.application.admission import Admission, find_caller, time_left, time_waited
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.application.spreading import awaited
from meshlens.daprkit.errors import Busy, CallerGone, TimeLimitExceeded


def stays(_: object) -> bool:
    """Be a caller that does not go away."""
    return True


def gone(_: object) -> bool:
    """Be a caller that went away before."""
    return False


@contextmanager
def holding_the_worker(admission: Admission) -> Iterator[None]:
    """Keep the only worker busy."""
    hold = threading.Event()
    begun = threading.Event()

    def block() -> None:
        begun.set()
        hold.wait(10)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(admission.run, block, seconds=10, on_caller_gone=stays)
        assert begun.wait(10)
        try:
            yield
        finally:
            hold.set()


def test_rest_comes_when_a_worker_has_nothing_to_do() -> None:
    admission = Admission(1, 4)
    assert admission.await_rest(0)
    with ThreadPoolExecutor(1) as pool:
        with holding_the_worker(admission):
            assert not admission.await_rest(0)
            waiting = pool.submit(admission.await_rest, 10)
        assert waiting.result(10)
    admission.close()


def test_one_worker_that_works_leaves_the_other_rest_unless_something_waits() -> None:
    admission = Admission(2, 4)
    with holding_the_worker(admission):
        assert admission.await_rest(0)
        with holding_the_worker(admission):
            assert not admission.await_rest(0)
    admission.close()


@settings(deadline=None, max_examples=20)
@given(workers=st.integers(1, 3), queue=st.integers(1, 3), callers=st.integers(1, 20))
def test_never_more_than_the_limit_hold_a_slot(workers: int, queue: int, callers: int) -> None:
    admission = Admission(workers, queue)
    seen: list[int] = []
    refused: list[Busy] = []

    def call() -> None:
        try:
            with admission.slots.hold():
                seen.append(admission.slots.held)
                admission.run(
                    lambda: seen.append(admission.slots.held), seconds=10, on_caller_gone=stays
                )
        except Busy as busy:
            refused.append(busy)

    with ThreadPoolExecutor(callers) as pool:
        for _ in range(callers):
            pool.submit(call)
    assert max(seen, default=0) <= admission.slots.limit
    assert len(seen) + 2 * len(refused) == 2 * callers
    assert admission.slots.held == 0
    admission.close()


def test_work_begins_in_the_order_of_arrival() -> None:
    admission = Admission(1, 100)
    order: list[int] = []
    hold = threading.Event()
    with ThreadPoolExecutor(21) as pool:
        begun = threading.Event()

        def block() -> None:
            begun.set()
            hold.wait(10)

        pool.submit(admission.run, block, seconds=10, on_caller_gone=stays)
        assert begun.wait(10)
        for number in range(20):
            submitted = threading.Event()

            def arrived(_: object, submitted: threading.Event = submitted) -> bool:
                submitted.set()
                return True

            pool.submit(
                admission.run,
                lambda number=number: order.append(number),
                seconds=10,
                on_caller_gone=arrived,
            )
            assert submitted.wait(10)
        hold.set()
    assert order == list(range(20))


def test_work_sees_the_callers_context_variables() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("here")
    assert Admission(1, 1).run(variable.get, seconds=10, on_caller_gone=stays) == "here"


def test_an_error_of_the_work_is_the_callers_error() -> None:
    def fail() -> None:
        raise TimeoutError("the work's own")

    with pytest.raises(TimeoutError, match="the work's own"):
        Admission(1, 1).run(fail, seconds=10, on_caller_gone=stays)


def test_nobody_works_for_a_caller_that_went_away() -> None:
    admission = Admission(1, 8)
    worked: list[str] = []
    with holding_the_worker(admission), pytest.raises(CallerGone):
        admission.run(lambda: worked.append("x"), seconds=10, on_caller_gone=gone)
    admission.close()
    assert worked == []
    assert (admission.begun, admission.expired, admission.cancelled) == (1, 0, 1)


def test_work_whose_time_is_over_while_it_waits_never_begins_and_is_counted() -> None:
    admission = Admission(1, 8)
    worked: list[str] = []
    with holding_the_worker(admission):
        for seconds in (0.0, 0.01):
            with pytest.raises(TimeLimitExceeded):
                admission.run(lambda: worked.append("x"), seconds=seconds, on_caller_gone=stays)
    admission.close()
    assert worked == []
    assert (admission.begun, admission.expired, admission.cancelled) == (1, 2, 0)


def test_work_that_outlives_its_caller_keeps_its_slot() -> None:
    admission = Admission(1, 1)
    hold = threading.Event()
    done = threading.Event()

    def block() -> None:
        hold.wait(10)
        done.set()

    with pytest.raises(TimeLimitExceeded), admission.slots.hold():
        admission.run(block, seconds=0.05, on_caller_gone=stays)
    with pytest.raises(Busy) as busy, admission.slots.hold():
        pass
    assert busy.value.retry_after >= 0.05
    hold.set()
    assert done.wait(10)
    admission.close()
    assert admission.slots.held == 0


def test_work_knows_how_much_of_its_time_is_left() -> None:
    admission = Admission(1, 1)
    left, waited = admission.run(
        lambda: (time_left(), time_waited()), seconds=60, on_caller_gone=stays
    )
    assert 0 < left <= 60
    assert 0 <= waited <= 60
    assert (time_left(), time_waited()) == (math.inf, 0.0)
    admission.close()


GREEDY, LIGHT = Flow("greedy", "m"), Flow("light", "m")


class Callers:
    """Callers whose requests wait, each in a thread of its own, until they are answered."""

    def __init__(self, admission: Admission, pool: ThreadPoolExecutor) -> None:
        self._admission = admission
        self._pool = pool
        self.order: list[Flow] = []

    def call(self, flow: Flow) -> Future[None]:
        """Return a call whose request waits for a worker, or has been refused."""
        there = threading.Event()

        def arrived(_: object) -> bool:
            there.set()
            return True

        def call() -> None:
            try:
                with self._admission.slots.hold(flow) as slot:
                    self._admission.run(
                        lambda: self.order.append(flow),
                        seconds=30,
                        on_caller_gone=arrived,
                        slot=slot,
                    )
            finally:
                there.set()

        called = self._pool.submit(call)
        assert there.wait(10)
        return called


@contextmanager
def calling(admission: Admission) -> Iterator[Callers]:
    """Let callers call while the only worker is busy; then let it work."""
    with ThreadPoolExecutor(40) as pool, holding_the_worker(admission):
        yield Callers(admission, pool)


def test_a_light_caller_takes_the_newest_slot_of_a_greedy_one_and_is_next() -> None:
    admission = Admission(1, 6)
    with calling(admission) as callers:
        # The one that holds the worker has a slot of its own in a service; here it has none.
        greedy = [callers.call(GREEDY) for _ in range(20)]
        light = callers.call(LIGHT)
        assert admission.slots.held == admission.slots.limit
    admission.close()
    assert light.exception(10) is None
    ended = [one.exception(10) for one in greedy]
    assert ended == [None] * 5 + ended[5:]
    assert all(isinstance(error, Busy) and error.retry_after > 0 for error in ended[5:])
    # The first of both has used nothing yet, so either may be next.
    assert LIGHT in callers.order[:2]
    assert admission.slots.held == 0
    assert admission.pushed_out == 1


def test_who_is_pushed_out_frees_no_slot_but_hands_it_over() -> None:
    admission = Admission(1, 3)
    with calling(admission) as callers:
        for flow in (GREEDY, GREEDY, GREEDY, LIGHT):
            callers.call(flow)
        assert admission.slots.held == admission.slots.limit
        with pytest.raises(Busy):
            callers.call(GREEDY).result(10)
        assert admission.slots.held == admission.slots.limit
    admission.close()
    assert admission.slots.held == 0


def test_work_with_no_limit_of_time_is_waited_for() -> None:
    assert Admission(1, 1).run(lambda: 3, seconds=math.inf, on_caller_gone=stays) == 3


def test_what_waits_when_the_service_ends_is_dropped() -> None:
    admission = Admission(1, 8)
    closing = threading.Event()
    with calling(admission) as callers, ThreadPoolExecutor(1) as pool:
        waiting = callers.call(LIGHT)

        def close() -> None:
            closing.set()
            admission.close()

        closed = pool.submit(close)
        assert closing.wait(10)
        with pytest.raises(CallerGone):
            waiting.result(10)
        assert not closed.done()
    assert callers.order == []


class Table:
    """What a request was read as, of megabytes."""


def test_what_a_failed_request_was_read_as_goes_with_it() -> None:
    admission = Admission(1, 1)
    kept: list[object] = []  # by the caller's connection, until it ends
    read: list[weakref.ref[Table]] = []

    def fail() -> None:
        table = Table()
        read.append(weakref.ref(table))
        raise ValueError

    def stays_and_keeps(cancel: object) -> bool:
        kept.append(cancel)
        return True

    gc.disable()
    try:
        for _ in range(3):
            with contextlib.suppress(ValueError):
                admission.run(fail, seconds=10, on_caller_gone=stays_and_keeps)
        # The worker may still be leaving the last of them.
        admission.close()
        assert [reference() for reference in read] == [None] * 3
    finally:
        gc.enable()
    assert len(kept) == len(read)


def test_work_may_fail_before_its_caller_waits_for_it() -> None:
    admission = Admission(1, 1)
    begun = threading.Event()

    def fail() -> None:
        begun.set()
        raise ValueError("a bad one")

    def stays_until_it_has_failed(_: object) -> bool:
        assert begun.wait(10)
        admission.close()
        return True

    with pytest.raises(ValueError, match="a bad one"):
        admission.run(fail, seconds=10, on_caller_gone=stays_until_it_has_failed)


@settings(deadline=None, max_examples=20)
@given(workers=st.integers(1, 3), waiting=st.integers(1, 6))
def test_work_that_waits_for_other_work_leaves_its_place_to_it(workers: int, waiting: int) -> None:
    admission = Admission(workers, 8)
    there, done = threading.Semaphore(0), threading.Event()

    def wait() -> bool:
        with find_caller().pause():
            there.release()
            return done.wait(10)

    with ThreadPoolExecutor(waiting) as pool:
        waits = [
            pool.submit(admission.run, wait, seconds=30, on_caller_gone=stays)
            for _ in range(waiting)
        ]
        for _ in range(waiting):
            assert there.acquire(timeout=10)
        # All wait, more of them than there are workers, and still there is one for this.
        admission.run(done.set, seconds=30, on_caller_gone=stays)
        assert [each.result(10) for each in waits] == [True] * waiting
    # Afterwards there are as many workers as before: each of these needs one.
    together = threading.Barrier(workers)
    with ThreadPoolExecutor(workers) as pool:
        met = [
            pool.submit(admission.run, lambda: together.wait(10), seconds=30, on_caller_gone=stays)
            for _ in range(workers)
        ]
        assert sorted(each.result(10) for each in met) == [*range(workers)]
    admission.close()


def test_work_knows_whether_its_caller_has_gone_unless_another_will_come() -> None:
    admission = Admission(1, 8)
    leave: list[Callable[[], None]] = []

    def arrived(tell: Callable[[], None]) -> bool:
        leave.append(tell)
        there.set()
        return True

    def work() -> tuple[bool, bool, bool]:
        there.wait(10)
        caller = find_caller()
        before = caller.waits()
        leave[0]()
        with awaited():
            return before, caller.waits(), find_caller().waits()

    there = threading.Event()
    assert admission.run(work, seconds=10, on_caller_gone=arrived) == (True, False, True)
    admission.close()
