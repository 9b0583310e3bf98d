"""The check finds what two views contradict each other in, and nothing that was not seen."""

import pytest
from readiness.observations import LIMIT, LONGEST_GAP, Observation, Record

UP, DOWN = frozenset({"AVAILABLE"}), frozenset({"END"})


def record(lag: float, *, pause: float = 0.01, length: float = 0.001) -> Record:
    """Two views that are called all the time; of the change at 1 s one says so later."""
    made = Record()
    for view, change in (("one", 1.0), ("other", 1.0 + lag)):
        for number in range(int(2 / pause)):
            began = number * pause
            states = DOWN if began + length / 2 < change else UP
            made.add(view, "model", Observation(states, began, began + length))
    return made


def test_views_that_lag_longer_than_they_may_are_found() -> None:
    (found,) = record(LIMIT + 0.1).contradictions()
    assert (found.subject, found.views, found.states) == ("model", ("one", "other"), (UP, DOWN))
    assert str(found).startswith("model at 1.0")


@pytest.mark.parametrize(
    "changes",
    [
        {"lag": 0.0},
        {"lag": LIMIT - 0.05},
        {"lag": 0.5, "pause": 2 * LONGEST_GAP},
        {"lag": 0.5, "length": 2 * LONGEST_GAP, "pause": 0.3},
    ],
)
def test_views_that_lag_less_or_are_seen_too_seldom_contradict_nothing(
    changes: dict[str, float],
) -> None:
    assert record(**changes).contradictions() == []


def test_what_may_both_hold_is_no_contradiction() -> None:
    made = Record()
    for number in range(100):
        for view, states in (("one", DOWN), ("other", DOWN | {"LOADING"})):
            made.add(view, "model", Observation(states, number * 0.01, number * 0.01 + 0.001))
    assert made.contradictions() == []
    assert made.is_agreed(0.5, {"model": DOWN})
    assert not made.is_agreed(0.5, {"model": UP})
    assert not made.is_agreed(2.0, {})
    assert list(made.constant()) == ["one", "other"]
