"""Answers that are kept: one computation for each key, bounded, and never another's answer."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from meshlens.daprkit.application.kept_answers import KeptAnswers
from meshlens.daprkit.application.keys import Key, Once
from meshlens.daprkit.errors import CallerGone, IdempotencyKeyReused, TimeLimitExceeded
from meshlens.daprkit.messages import Reply


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def stays(_: object) -> bool:
    """Be a caller that does not go away."""
    return True


def once(text: str, fingerprint: str = "same", caller: str = "shop") -> Once:
    return Once("plot", Key(caller, text), fingerprint)


def answer(kept: KeptAnswers, request: Once, size: int = 1) -> bool:
    """Answer a request; return whether it was computed for that."""
    with kept.turn(request, 1.0, stays) as turn:
        known = turn.answer is not None
        turn.answer = turn.answer or Reply(b"x" * size, "text/plain")
    return not known


def test_a_request_sent_again_gets_the_kept_answer() -> None:
    kept = KeptAnswers()
    assert answer(kept, once("a"))
    assert not answer(kept, once("a"))
    assert answer(kept, once("b"))


def test_keys_of_other_callers_and_methods_are_other_keys() -> None:
    kept = KeptAnswers()
    assert answer(kept, once("a"))
    assert answer(kept, once("a", "other", caller="bank"))
    assert answer(kept, Once("fit", Key("shop", "a"), "other"))


def test_a_key_with_another_request_is_refused_even_while_the_first_is_at_work() -> None:
    kept = KeptAnswers()
    with (
        kept.turn(once("a"), 1.0, stays),
        pytest.raises(IdempotencyKeyReused),
        kept.turn(once("a", "other"), 1.0, stays),
    ):
        pass
    answer(kept, once("b"))
    with pytest.raises(IdempotencyKeyReused), kept.turn(once("b", "other"), 1.0, stays):
        pass


def test_what_failed_is_computed_again() -> None:
    kept = KeptAnswers()
    with pytest.raises(ValueError, match="no"), kept.turn(once("a"), 1.0, stays):
        raise ValueError("no")
    assert answer(kept, once("a"))
    assert answer(kept, once("b", "first"))
    with pytest.raises(ValueError, match="no"), kept.turn(once("c", "first"), 1.0, stays):
        raise ValueError("no")
    assert answer(kept, once("c", "another"))


def test_equal_requests_at_once_are_computed_once() -> None:
    kept = KeptAnswers()
    begun, go_on = threading.Event(), threading.Event()
    computed = []

    def call() -> Reply:
        with kept.turn(once("a"), 30.0, stays) as turn:
            if turn.answer is None:
                begun.set()
                assert go_on.wait(30)
                computed.append(1)
                turn.answer = Reply(b"x", "text/plain")
            return turn.answer

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(call)
        assert begun.wait(30)
        others = [threads.submit(call) for _ in range(3)]
        go_on.set()
        assert all(other.result(30) is first.result(30) for other in others)
    assert len(computed) == 1


def test_if_the_first_fails_one_that_waits_takes_its_turn() -> None:
    kept = KeptAnswers()
    with ThreadPoolExecutor(1) as threads:
        with kept.turn(once("a"), 1.0, stays):
            # It ends without an answer, as one that fails does.
            other = threads.submit(answer, kept, once("a"))
        assert other.result(30)


def test_who_waits_too_long_is_told_so() -> None:
    kept = KeptAnswers()
    with (
        kept.turn(once("a"), 1.0, stays),
        pytest.raises(TimeLimitExceeded),
        kept.turn(once("a"), 0.01, stays),
    ):
        pass


def test_an_answer_is_forgotten_after_its_time() -> None:
    clock = Clock()
    kept = KeptAnswers(seconds=60.0, clock=clock)
    answer(kept, once("a"))
    clock.now = 59.0
    assert not answer(kept, once("a"))
    clock.now = 200.0
    assert answer(kept, once("a"))


def test_one_at_work_keeps_none_of_those_behind_it_longer() -> None:
    clock = Clock()
    kept = KeptAnswers(seconds=60.0, clock=clock)
    with kept.turn(once("slow"), 1.0, stays):
        assert answer(kept, once("first"))
        clock.now = 59.0
        assert answer(kept, once("second"))
        clock.now = 61.0
        assert answer(kept, once("first"))
        assert not answer(kept, once("second"))


def test_the_earliest_are_forgotten_when_there_are_too_many() -> None:
    kept = KeptAnswers(most=3)
    for name in "abcd":
        answer(kept, once(name))
    assert not answer(kept, once("d"))
    assert answer(kept, once("a"))


def test_the_earliest_are_forgotten_when_they_are_too_large_together() -> None:
    kept = KeptAnswers(most_bytes=100)
    for name in "abcde":
        answer(kept, once(name), 25)
    assert not answer(kept, once("e"))
    assert answer(kept, once("a"))


def test_one_that_is_large_is_not_kept_and_costs_no_other_its_place() -> None:
    kept = KeptAnswers(most_bytes=100)
    answer(kept, once("a"))
    answer(kept, once("b"), 90)
    assert not answer(kept, once("a"))
    assert answer(kept, once("b"))


def test_nothing_stays_behind_of_a_thousand_requests_that_fail() -> None:
    kept = KeptAnswers()
    for number in range(1000):
        with pytest.raises(ValueError, match="no"), kept.turn(once(f"{number}"), 1.0, stays):
            raise ValueError("no")
    assert not kept._places  # noqa: SLF001 - no caller can see what it forgets


def test_work_that_outlives_its_caller_answers_whoever_sends_the_request_again() -> None:
    kept = KeptAnswers()
    begun, go_on = threading.Event(), threading.Event()
    computed = []

    def work() -> Reply:
        computed.append(1)
        begun.set()
        assert go_on.wait(10)
        return Reply(b"late", "text/plain")

    with ThreadPoolExecutor(2) as pool:
        with kept.turn(once("a"), 1.0, stays) as turn:
            late = pool.submit(turn.work, work)
            assert begun.wait(10)
        assert kept.find(once("a")) is None

        def again() -> bytes:
            with kept.turn(once("a"), 10.0, stays) as turn:
                reply: Reply = turn.answer or turn.work(work)
                return reply.body

        second = pool.submit(again)
        go_on.set()
        assert second.result(10) == late.result(10).body == b"late"
    assert computed == [1]


def test_what_failed_after_its_caller_had_left_is_computed_again() -> None:
    kept = KeptAnswers()
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> Reply:
        begun.set()
        assert go_on.wait(10)
        raise ValueError("no")

    with ThreadPoolExecutor(1) as pool:
        with kept.turn(once("a"), 1.0, stays) as turn:
            late = pool.submit(turn.work, fail)
            assert begun.wait(10)
        go_on.set()
        with pytest.raises(ValueError, match="no"):
            late.result(10)
    assert answer(kept, once("a"))


def test_a_caller_who_leaves_does_not_wait_for_the_same_request() -> None:
    kept = KeptAnswers()
    waits = threading.Event()
    leave = []

    def on_gone(call: Callable[[], None]) -> bool:
        leave.append(call)
        waits.set()
        return True

    def call() -> None:
        with kept.turn(once("a"), 30.0, on_gone):
            pass

    with ThreadPoolExecutor(1) as pool, kept.turn(once("a"), 1.0, stays):
        second = pool.submit(call)
        assert waits.wait(10)
        leave[0]()
        with pytest.raises(CallerGone):
            second.result(10)
        with pytest.raises(CallerGone), kept.turn(once("a"), 30.0, lambda _: False):
            pass


def test_an_answer_is_found_once_its_event_says_so_and_for_the_same_request_only() -> None:
    clock = Clock()
    kept = KeptAnswers(seconds=60.0, clock=clock)
    assert kept.find(once("a")) is None
    with kept.turn(once("a"), 1.0, stays) as turn:
        turn.work(lambda: Reply(b"x", "text/plain"))
        assert kept.find(once("a")) is None
    assert kept.find(once("a")) is None
    with kept.turn(once("a"), 1.0, stays) as turn:
        turn.published = True
    assert kept.find(once("a")).body == b"x"
    with pytest.raises(IdempotencyKeyReused):
        kept.find(once("a", "other"))
    clock.now = 61.0
    assert kept.find(once("a")) is None
