"""Work in parts gives what one thread would give, by as many workers as have nothing else to do."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.spreading import awaited, spread
from meshlens.daprkit.errors import CallerGone, TimeLimitExceeded
from meshlens.timing import Phase, attach, current, detach

SECONDS = 30.0
WAIT = 10.0


def stays(_: object) -> bool:
    """Be a caller that does not go away."""
    return True


@contextmanager
def admitting(workers: int) -> Iterator[Admission]:
    """An admission whose workers help with every part, however little it takes."""
    admission = Admission(workers, 8, shortest_part=0.0)
    try:
        yield admission
    finally:
        admission.close()


def run(admission: Admission, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
    return admission.run(work, seconds=SECONDS, on_caller_gone=stays)


class Odd(Exception):
    """What fails for some items."""


def double(item: int) -> int:
    if item < 0:
        raise Odd(item)
    return 2 * item


def outcome(work: Callable[[], list[int]]) -> list[int] | str:
    try:
        return work()
    except Odd as odd:
        return repr(odd)


@settings(deadline=None, max_examples=50)
@given(
    workers=st.integers(1, 4),
    batches=st.lists(st.lists(st.integers(-1, 40), max_size=40), min_size=1, max_size=8),
)
def test_any_number_of_batches_at_once_get_what_one_thread_would_give(
    workers: int, batches: list[list[int]]
) -> None:

    def answer_alone(batch: list[int]) -> list[int] | str:
        return outcome(lambda: [double(item) for item in batch])

    with admitting(workers) as admission, ThreadPoolExecutor(len(batches)) as pool:

        def answer(batch: list[int]) -> list[int] | str:
            return outcome(lambda: run(admission, lambda: spread(double, batch)))

        assert [*pool.map(answer, batches)] == [*map(answer_alone, batches)]


def test_without_a_service_one_thread_does_all() -> None:
    threads = spread(lambda _: threading.current_thread(), range(5))
    assert threads == [threading.current_thread()] * 5


def test_who_has_work_alone_is_not_helped() -> None:
    with admitting(3) as admission:
        names = run(
            admission,
            lambda: spread(lambda _: threading.current_thread().name, range(50), alone=True),
        )
    assert len(set(names)) == 1


def test_parts_that_take_nothing_are_not_shared() -> None:
    admission = Admission(3, 8)
    names = run(admission, lambda: spread(lambda _: threading.current_thread().name, range(50)))
    admission.close()
    assert len(set(names)) == 1


class Stopwatch:
    """Times nothing."""

    def time(self, phase: Phase) -> Any:  # noqa: ANN401 - never called
        raise AssertionError(phase)

    def beside(self) -> "Stopwatch":
        return Stopwatch()


def test_free_workers_help_and_see_the_context_with_stopwatches_of_their_own() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("here")
    together, stopwatch = threading.Barrier(3), Stopwatch()

    def meet(item: int) -> tuple[int, str, object]:
        # Three threads are here at once, or nobody leaves.
        together.wait(WAIT)
        return item, variable.get(), current()

    token = attach(stopwatch)
    try:
        with admitting(3) as admission:
            met = run(admission, lambda: spread(meet, range(3)))
    finally:
        detach(token)
    assert [(item, seen) for item, seen, _ in met] == [(item, "here") for item in range(3)]
    watches = {watch for _, _, watch in met}
    assert stopwatch in watches
    assert len(watches) == len(met)


def test_who_waits_goes_before_parts_that_have_not_begun() -> None:
    order, owners = list[str](), list[threading.Thread]()
    both, begun = threading.Barrier(2), threading.Event()
    waits, answered = threading.Event(), threading.Event()

    def part(item: int) -> None:
        if item > 1:
            order.append("part")
            return
        both.wait(WAIT)
        begun.set()
        # The helper goes on when another request waits, the other one when that is answered.
        mine = threading.current_thread() in owners
        assert (answered if mine else waits).wait(WAIT)

    def work() -> list[None]:
        owners.append(threading.current_thread())
        return spread(part, range(9))

    def arrived(_: object) -> bool:
        waits.set()
        return True

    def answer() -> None:
        order.append("request")
        answered.set()

    with admitting(2) as admission, ThreadPoolExecutor(1) as pool:
        batch = pool.submit(run, admission, work)
        assert begun.wait(WAIT)
        admission.run(answer, seconds=SECONDS, on_caller_gone=arrived)
        batch.result(WAIT)
    assert order == ["request"] + ["part"] * 7


class Leaving:
    """A caller that goes when it is told to."""

    def __init__(self) -> None:
        self._tell: list[Callable[[], None]] = []

    def __call__(self, tell: Callable[[], None]) -> bool:
        self._tell.append(tell)
        return True

    def go(self) -> None:
        for tell in self._tell:
            tell()


@pytest.mark.parametrize("alone", [False, True])
def test_parts_that_have_not_begun_when_the_caller_goes_never_begin(*, alone: bool) -> None:
    caller, done = Leaving(), list[int]()

    def part(item: int) -> None:
        done.append(item)
        caller.go()

    with admitting(1) as admission, pytest.raises(CallerGone, match="was at work"):
        admission.run(
            lambda: spread(part, range(9), alone=alone), seconds=SECONDS, on_caller_gone=caller
        )
    assert done == [0]


def test_parts_are_all_done_if_another_caller_will_come() -> None:
    caller = Leaving()

    def part(item: int) -> int:
        caller.go()
        return item

    def work() -> list[int]:
        with awaited():
            return spread(part, range(9))

    with admitting(2) as admission:
        assert admission.run(work, seconds=SECONDS, on_caller_gone=caller) == list(range(9))


def test_parts_that_have_not_begun_when_the_time_is_over_never_begin() -> None:
    done, hold = list[int](), threading.Event()

    def part(item: int) -> None:
        done.append(item)
        hold.wait(WAIT)

    with admitting(1) as admission:
        with pytest.raises(TimeLimitExceeded), admission.slots.hold():
            admission.run(lambda: spread(part, range(9)), seconds=0.05, on_caller_gone=stays)
        # The part that has begun has a worker, and so the work its slot.
        assert admission.slots.held == 1
        hold.set()
    assert done == [0]
    assert admission.slots.held == 0


def test_after_an_error_no_part_begins() -> None:
    done = list[int]()

    def part(item: int) -> None:
        done.append(item)
        raise Odd(item)

    with admitting(1) as admission, pytest.raises(Odd, match="0"):
        run(admission, lambda: spread(part, range(9)))
    assert done == [0]


def test_workers_that_are_all_busy_with_batches_wait_for_nobody() -> None:
    together = threading.Barrier(3)

    def work() -> list[int]:
        # All three have a batch before any of them begins with it.
        together.wait(WAIT)
        return spread(double, range(32))

    with admitting(3) as admission, ThreadPoolExecutor(3) as pool:
        batches: list[Future[list[int]]] = [pool.submit(run, admission, work) for _ in range(3)]
        assert [batch.result(WAIT) for batch in batches] == [[*range(0, 64, 2)]] * 3
