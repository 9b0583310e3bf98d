"""Messages that arrive: so many at once, shared between callers, and none for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import pytest

from meshlens.daprkit.errors import Busy
from meshlens.daprkit.transports.bodies.readers import Readers


def stays() -> None:
    """Be a call that is never given up."""


def read_all(readers: Readers, caller: str, most: int) -> tuple[int, ExitStack]:
    """Read as many messages as may arrive at once for one caller; they stay."""
    stack = ExitStack()
    for number in range(most):
        try:
            stack.enter_context(readers.read(caller, stays))
        except Busy:
            return number, stack
    return most, stack


def test_a_caller_has_half_of_what_is_free_and_leaves_room_for_others() -> None:
    readers = Readers(8, most_waiting=0)
    with ExitStack() as held:
        for caller, share in (("a", 4), ("b", 2), ("c", 1), ("d", 1), ("e", 0)):
            number, stack = read_all(readers, caller, 10)
            held.enter_context(stack)
            assert number == share
    number, stack = read_all(readers, "e", 10)
    with stack:
        assert number == 4


def test_what_has_been_read_makes_room_for_what_waits() -> None:
    readers = Readers(2, most_waiting=4)
    done = threading.Event()

    def read() -> None:
        with readers.read("a", stays):
            done.set()

    with ThreadPoolExecutor(1) as pool:
        with readers.read("a", stays):
            waiting = pool.submit(read)
            assert not done.is_set()
        waiting.result(10)
    assert done.is_set()


def test_too_many_that_wait_are_refused_at_once() -> None:
    readers = Readers(2, most_waiting=2)

    def read() -> None:
        with readers.read("a", stays):
            pass

    with ThreadPoolExecutor(2) as pool:
        with readers.read("a", stays):
            calls = [pool.submit(read) for _ in range(2)]
            # One waits; whichever came second is refused while that waits.
            refused = next(as_completed(calls, timeout=10))
            assert isinstance(refused.exception(), Busy)
            assert sum(call.done() for call in calls) == 1
        assert [call.exception(10) for call in calls if call is not refused] == [None]


def test_what_does_not_arrive_is_given_up_once_others_wait() -> None:
    readers = Readers(2, most_waiting=2, patience=0.01)
    begun, gone = threading.Event(), threading.Event()

    def stick() -> None:
        with readers.read("a", gone.set):
            begun.set()
            assert gone.wait(10)

    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(stick)
        assert begun.wait(10)
        with readers.read("a", stays):
            pass
        stuck.result(10)


def test_who_waits_for_too_long_is_refused() -> None:
    readers = Readers(2, most_waiting=2, patience=0.01)
    with (
        readers.read("a", stays),
        pytest.raises(Busy) as busy,
        readers.read("a", stays),
    ):
        pass
    assert busy.value.retry_after > 0
    with readers.read("b", stays):
        pass
