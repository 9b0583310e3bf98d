"""Admission keeps order and never lets more in than it says."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshlens.daprkit.application.admission import Admission, time_left, time_waited
from meshlens.daprkit.errors import Busy, CallerGone, TimeLimitExceeded


def stays(_: object) -> bool:
    """Be a caller that does not go away."""
    return True


def gone(_: object) -> bool:
    """Be a caller that went away before."""
    return False


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
    hold = threading.Event()
    begun = threading.Event()
    worked: list[str] = []

    def block() -> None:
        begun.set()
        hold.wait(10)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(admission.run, block, seconds=10, on_caller_gone=stays)
        assert begun.wait(10)
        with pytest.raises(CallerGone):
            admission.run(lambda: worked.append("x"), seconds=10, on_caller_gone=gone)
        hold.set()
    admission.close()
    assert worked == []


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
