"""When a rollout ends by itself, and when it does not."""

from collections.abc import Mapping
from typing import Any

import pytest
from unit.classify.state_store import Store

from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.documents import Ruled
from meshlens.classify.rollouts.judging import Judging
from meshlens.classify.serving.rollout import Rollout

HALVES = {"weights": {"1": 50, "2": 50}}


class Shadow:
    """What a shadow is known to have done."""

    def __init__(self) -> None:
        self.counts = (0, 0)
        self.begun = 0

    def count(self, _model: str) -> tuple[int, int]:
        return self.counts

    def begin_anew(self, _model: str) -> None:
        self.begun += 1


class Court:
    """A rollout, and what judges it."""

    def __init__(
        self, judge: Mapping[str, Any], *, keeps_answers: bool = False, **fields: object
    ) -> None:
        self.able = {"1", "2"}
        self.store, self.shadow, self.now = Store(), Shadow(), 1000.0
        self.announced: list[Ruled] = []
        self.board = Board(
            lambda _: None,
            store=self.store,
            announce=lambda _, ruled: self.announced.append(ruled),
        )
        self.rollout = Rollout.model_validate({**HALVES, **fields, "judge": judge})
        self.board.change("digits", lambda _: self.rollout)
        self.judging = Judging(
            self.board,
            self.shadow,
            keeps_answers=keeps_answers,
            clock=lambda: self.now,
            may_answer=lambda _, version: version in self.able,
        )
        self.judging.judge()

    def answer(self, version: str, count: int, seconds: float = 0.01, *, failed: int = 0) -> None:
        for number in range(count):
            self.judging.note("digits", version, seconds, failed=number < failed)

    def find_reason(self) -> str:
        """Why it goes back, empty if it does not."""
        self.judging.judge()
        ruled, _ = self.board.find("digits")
        assert ruled.rollout
        assert bool(ruled.reason) == (ruled.rollout.weights == {"1": 100})
        return ruled.reason


def test_a_version_that_fails_is_sent_home() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 100, failed=5)
    assert not court.find_reason()
    court.answer("2", 1, failed=1)
    assert court.find_reason() == (
        "version 2 failed 6 of 101 requests in 60 s, more than 5 % beyond the 0 of 0 of the base"
    )
    last = court.announced[-1]
    assert (last.revision, last.reason) == (2, court.find_reason())
    assert last.rollout
    assert last.rollout.judge is None


def test_the_base_is_not_judged() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("1", 100, failed=100)
    assert not court.find_reason()


def test_what_the_base_fails_too_is_no_fault_of_a_version() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("1", 200, failed=40)
    court.answer("2", 100, failed=25)
    assert not court.find_reason()
    court.answer("2", 2, failed=2)
    assert court.find_reason()


def test_few_requests_prove_nothing() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 19, failed=19)
    assert not court.find_reason()


def test_what_was_before_the_window_counts_no_more() -> None:
    court = Court({"errors": 5, "requests": 20, "window": 30})
    court.answer("2", 50, failed=50)
    court.now += 31
    court.answer("2", 50)
    assert not court.find_reason()


def test_a_version_that_is_slow_is_sent_home() -> None:
    court = Court({"latency": 1.5, "requests": 20})
    court.answer("2", 30, 0.0149)
    assert not court.find_reason()  # there is nothing to compare with
    court.answer("1", 30, 0.01)
    assert not court.find_reason()
    court.answer("2", 31, 0.0151)
    assert court.find_reason() == (
        "version 2 took 15.1 ms in the median of 60 s, more than 1.5 times the 10.0 ms of the base"
    )


def test_where_answers_are_kept_latency_is_not_judged(caplog: pytest.LogCaptureFixture) -> None:
    court = Court({"latency": 1.5, "requests": 20}, keeps_answers=True)
    court.answer("1", 30, 0.01)
    court.answer("2", 30, 0.1)
    assert not court.find_reason()
    assert "is not judged: ANSWER_CACHE is not 0" in caplog.text


def test_a_shadow_that_disagrees_or_fails_ends() -> None:
    shadow = {"version": "3", "percent": 10}
    court = Court({"agreement": 90, "requests": 20}, weights={"1": 100}, shadow=shadow)
    assert court.shadow.begun == 1
    court.shadow.counts = (19, 0)
    court.judging.judge()
    assert court.board.find("digits")[0].rollout == court.rollout
    court.shadow.counts = (50, 45)
    court.judging.judge()
    assert court.board.find("digits")[0].rollout == court.rollout
    court.shadow.counts = (50, 44)
    assert court.find_reason() == "the shadow agreed in 88.00 % of 50 inputs, less than 90 %"


def test_another_rollout_is_judged_anew() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 15, failed=15)
    again = court.rollout.model_copy(update={"weights": {"1": 90, "2": 10}})
    court.board.change("digits", lambda _: again)
    court.judging.judge()
    court.answer("2", 15, failed=15)
    assert not court.find_reason()
    court.answer("2", 5, failed=5)
    assert court.find_reason()


def test_a_rollout_that_another_has_changed_meanwhile_is_left() -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 50, failed=50)
    other = Board(lambda _: None, store=court.store)
    ended = other.change("digits", lambda _: None)
    court.judging.judge()
    assert other.change("objects", lambda _: Rollout(weights={"1": 100})).revision == 3
    assert ended.revision == 2


def test_a_store_that_is_down_only_delays_it(caplog: pytest.LogCaptureFixture) -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 50, failed=50)
    court.store.down = True
    for _ in range(3):
        court.judging.judge()
    assert caplog.text.count("cannot go back") == 1
    court.store.down = False
    assert court.find_reason()


def test_it_does_not_go_back_to_a_version_that_cannot_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    court = Court({"errors": 5, "requests": 20})
    court.answer("2", 50, failed=50)
    court.able = {"2"}
    for _ in range(3):
        court.judging.judge()
    assert court.board.find("digits")[0].rollout == court.rollout
    assert caplog.text.count("cannot go back") == 1
    court.able = {"1", "2"}
    assert court.find_reason()
