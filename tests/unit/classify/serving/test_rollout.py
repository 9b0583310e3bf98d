"""The choice of a version: its shares, what keeps a key where it is, and what a rollout may say."""

import math
import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from meshlens.classify.serving.rollout import NOBODY, Asking, Rollout, choose

REQUESTS = 20_000


def roll_out(weights: Mapping[str, float], key: str = "") -> Rollout:
    return Rollout(weights=weights, key=key)


def within_three_sigma(count: int, share: float) -> bool:
    return abs(count - REQUESTS * share) <= 3 * math.sqrt(REQUESTS * share * (1 - share))


@pytest.mark.parametrize("key", ["", "option"])
def test_shares_are_within_three_sigma(key: str) -> None:
    random.seed(18)
    rollout = roll_out({"1": 60, "2": 30, "7": 10}, key)
    asked = (Asking(key=f"user {number}") for number in range(REQUESTS))
    chosen = Counter(choose("digits", rollout, {"1", "2", "7"}, asking) for asking in asked)
    for version, share in (("1", 0.6), ("2", 0.3), ("7", 0.1)):
        assert within_three_sigma(chosen[version], share), chosen


@pytest.mark.parametrize(
    ("key", "asking"),
    [
        ("caller", Asking(caller="shop")),
        ("header:x-user", Asking(headers={"x-user": "ann"})),
        ("option", Asking(key="ann")),
    ],
)
def test_one_key_gets_one_version(key: str, asking: Asking) -> None:
    rollout = roll_out({"1": 50, "2": 50}, key)
    assert len({choose("digits", rollout, {"1", "2"}, asking) for _ in range(50)}) == 1


def test_who_has_no_key_is_drawn_anew() -> None:
    rollout = roll_out({"1": 50, "2": 50}, "caller")
    assert {choose("digits", rollout, {"1", "2"}, NOBODY) for _ in range(200)} == {"1", "2"}


def test_a_key_has_other_versions_in_other_models() -> None:
    rollout = roll_out({"1": 50, "2": 50}, "option")
    for key in range(50):
        models = {choose(f"m{it}", rollout, {"1", "2"}, Asking(key=str(key))) for it in range(40)}
        assert models == {"1", "2"}


@given(
    before=st.lists(st.integers(1, 50), min_size=3, max_size=3),
    after=st.lists(st.integers(1, 50), min_size=3, max_size=3),
    key=st.text(min_size=1, max_size=20),
)
def test_a_key_moves_only_to_a_version_whose_share_grows(
    before: list[int], after: list[int], key: str
) -> None:
    old, new = (_percentages(weights) for weights in (before, after))
    asking = Asking(key=key)
    came = choose("digits", roll_out(old, "option"), set(old), asking)
    went = choose("digits", roll_out(new, "option"), set(new), asking)
    assert came is not None
    assert went is not None
    # What counts is how two shares compare.
    assert went == came or new[went] / new[came] > old[went] / old[came]


def _percentages(weights: list[int]) -> dict[str, float]:
    total = sum(weights)
    first, second = (round(100 * weight / total, 2) for weight in weights[:2])
    return {"1": first, "2": second, "3": round(100 - first - second, 2)}


@given(key=st.text(min_size=1), gone=st.sampled_from(["1", "2", "3"]))
def test_only_the_keys_of_a_version_that_is_gone_move(key: str, gone: str) -> None:
    rollout, asking = roll_out({"1": 50, "2": 30, "3": 20}, "option"), Asking(key=key)
    everyone = {"1", "2", "3"}
    came = choose("digits", rollout, everyone, asking)
    went = choose("digits", rollout, everyone - {gone}, asking)
    assert went != gone
    assert came in (went, gone)


def test_a_version_without_a_weight_gets_nothing() -> None:
    rollout = roll_out({"1": 100, "2": 0})
    assert {choose("digits", rollout, {"1", "2"}, NOBODY) for _ in range(200)} == {"1"}
    assert choose("digits", rollout, {"2"}, NOBODY) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"weights": {}},
        {"weights": {"1": 90}},
        {"weights": {"1": 90, "2": 11}},
        {"weights": {"1": 110, "2": -10}},
        {"weights": {"1": math.nan}},
        {"weights": {"1": math.inf}},
        {"weights": {"1": 1e300, "2": 1}},
        {"weights": {"1": True}},
        {"weights": {"1": "100"}},
        {"weights": {"1": 33.333, "2": 66.667}},
        {"weights": {"01": 100}},
        {"weights": {"-1": 100}},
        {"weights": {"canary": 100}},
        {"weights": {str(version): 1 for version in range(100)}},
        {"weights": {"1": 100}, "key": "cookie"},
        {"weights": {"1": 100}, "key": "header:"},
        {"weights": {"1": 100}, "key": "header:X User"},
        {"weights": {"1": 100}, "base": "stable"},
        {"weights": {"1": 100}, "unknown": 1},
        {"labels": {"canary": "2"}, "base": "1"},
        {"labels": {"canary": "2"}, "key": "caller"},
        {"labels": {"2": "2"}},
        {"labels": {"canary": ""}},
        {"weights": {"1": 100}, "shadow": {"version": "2", "percent": 0}},
        {"weights": {"1": 100}, "shadow": {"version": "2", "percent": 101}},
        {"labels": {"canary": "2"}, "shadow": {"version": "2", "percent": 5}},
        {"weights": {"2": 100}, "shadow": {"version": "2", "percent": 5}},
        {"weights": {"2": 99.9999999999}, "shadow": {"version": "2", "percent": 5}},
        {"weights": {"1": 100, "2": 1e-9}},
        {"weights": {"1": 100}, "key": "header:meshlens-version"},
        # These limits would never be exceeded.
        {"weights": {"1": 50, "2": 50}, "judge": {"errors": 100}},
        {
            "weights": {"1": 100},
            "shadow": {"version": "2", "percent": 5},
            "judge": {"agreement": 0},
        },
        {"weights": {"1": 50, "2": 50}, "judge": {"errors": 5, "window": True}},
        {"weights": {"1": 50, "2": 50}, "judge": {"errors": 5, "window": "60"}},
        {"weights": {"1": 50, "2": 50}, "judge": {"errors": 5, "requests": True}},
        {"weights": {"1": 50, "2": 50}, "judge": {"errors": 5, "requests": "20"}},
        {"weights": {"1": 50, "2": 50}, "judge": {"latency": "2"}},
    ],
)
def test_what_cannot_take_effect_is_refused(fields: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rollout.model_validate(fields)


def test_percentages_that_were_computed_are_taken_as_they_were_meant() -> None:
    rollout = roll_out({"1": 0.1 + 0.2, "2": 99.7})
    assert rollout.weights == {"1": 0.3, "2": 99.7}


def test_it_goes_back_to_the_base() -> None:
    rollout = Rollout.model_validate(
        {
            "weights": {"1": 10, "2": 90},
            "labels": {"canary": "2"},
            "shadow": {"version": "3", "percent": 5},
        }
    )
    back = rollout.roll_back()
    assert back.weights == {"1": 100}
    assert back.shadow is None
    assert back.labels == rollout.labels
    assert Rollout(weights={"1": 50, "2": 50}, base="2").roll_back().weights == {"2": 100}
