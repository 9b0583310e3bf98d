"""Answers in memory: how many, and for how long."""

import pytest

from meshlens.classify.answer_cache.recent import RecentAnswers

KIB = 1024


class Clock:
    """Goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> RecentAnswers:
    return RecentAnswers(8 * KIB, clock=clock)


def test_what_is_kept_is_found_until_it_expires(recent: RecentAnswers, clock: Clock) -> None:
    recent.put("a", b"answer", 10.0)
    clock.now = 9.9
    assert recent.get("a") == b"answer"
    clock.now = 10.0
    assert recent.get("a") is None
    assert recent.size == 0


def test_what_was_not_used_for_longest_makes_room(recent: RecentAnswers) -> None:
    for key in "abcd":
        recent.put(key, bytes(KIB), 10.0)
    assert recent.get("a")
    for key in "ef":
        recent.put(key, bytes(KIB), 10.0)
    assert [key for key in "abcdef" if recent.get(key)] == ["a", "c", "d", "e", "f"]


def test_it_never_takes_more_than_it_may(recent: RecentAnswers) -> None:
    for number in range(200):
        recent.put(str(number), bytes(number * 10), 10.0)
        assert recent.size <= 8 * KIB


def test_an_answer_that_would_cost_many_others_their_place_is_not_kept(
    recent: RecentAnswers,
) -> None:
    recent.put("a", b"small", 10.0)
    recent.put("b", bytes(2 * KIB), 10.0)
    assert (recent.get("a"), recent.get("b")) == (b"small", None)


def test_what_takes_the_place_of_another_counts_once(recent: RecentAnswers) -> None:
    recent.put("a", bytes(KIB), 10.0)
    once = recent.size
    recent.put("a", bytes(KIB), 10.0)
    assert recent.size == once
