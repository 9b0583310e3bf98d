"""What is a rollout, as callers and files say it."""

import json

import pytest

from meshlens.classify.errors import InvalidRollout, RolloutsDamaged
from meshlens.classify.rollouts.documents import (
    LARGEST_FILE,
    Kept,
    parse_body,
    parse_file,
    parse_kept,
)
from meshlens.classify.serving.rollout import Rollout, Shadow

HALVES = Rollout(weights={"1": 50, "2": 50})


def test_a_file_is_read_as_people_write_it() -> None:
    text = b"""
digits:
  weights: {1: 90, 2: 10.5e-0}
  base: 1
""".replace(b"90", b"89.5")
    assert parse_file(text) == {"digits": Rollout(weights={"1": 89.5, "2": 10.5}, base="1")}
    every = b"""
objects: {weights: {1: 100}, labels: {canary: 2}, shadow: {version: 3, percent: 5}}
digits: {weights: {1: 100}, key: "header:x-user"}
"""
    assert parse_file(every) == {
        "objects": Rollout(
            weights={"1": 100}, labels={"canary": "2"}, shadow=Shadow(version="3", percent=5)
        ),
        "digits": Rollout(weights={"1": 100}, key="header:x-user"),
    }
    assert parse_file(b"") == parse_file(b"# nothing yet\n") == {}


@pytest.mark.parametrize(
    "text",
    [
        b"- digits",
        b"digits",
        b"digits: [",
        b"digits: {weights: {1: 50, 1: 50}}",
        b"digits: {weights: {1: 100}}\ndigits: {weights: {2: 100}}",
        b"digits: {weights: {1: nan}}",
        b"digits: {weights: {1: 9O}}",
        b"digits: {weights: {? [1] : 100}}",
        b"digits: !!python/object/apply:os.system [true]",
        b"digits: {weights: {01: 100}}",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"a" * (LARGEST_FILE + 1),
        b"[]",
        b'""',
        b'digits: "\\UFFFFFFFF"',
        b'"\\ud800": {weights: {1: 100}}',
        b'"": {weights: {1: 100}}',
        b"digits: {weights: {1: 50, 2: 50}, judge: {errors: 5}}",
    ],
)
def test_another_file_is_refused_with_a_remedy(text: bytes) -> None:
    with pytest.raises(InvalidRollout) as refusal:
        parse_file(text)
    assert refusal.value.remedy


def test_a_body_may_name_the_revision_that_it_replaces() -> None:
    body = parse_body(b'{"weights": {"1": 100}, "revision": 7}')
    assert (body.weights, body.revision) == ({"1": 100}, 7)
    assert parse_body(b'{"weights": {"1": 100}}').revision is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"weights": {"1": 90}}',
        b'{"weights": {"1": 100}, "revision": -1}',
        b'{"weights": {"1": 100}, "revision": "1"}',
        b'{"weights": {"1": 100}, "revision": true}',
        b'{"weights": {"1": 90, "1": 100}}',
        b'{"weights": {"1": 100}, "weights": {"2": 100}}',
        b'{"weights": {"1": 100}, "labels": {"canary": "1", "canary": "2"}}',
    ],
)
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRollout):
        parse_body(body)


def test_a_name_that_is_there_twice_is_told() -> None:
    with pytest.raises(InvalidRollout, match="got '1' more than once"):
        parse_body(b'{"weights": {"1": 90, "1": 100}}')


def test_a_reason_is_not_as_long_as_what_was_sent() -> None:
    with pytest.raises(InvalidRollout) as refusal:
        parse_body(b'{"weights": {"%s": 100}}' % (b"1" * 100_000))
    assert len(str(refusal.value)) < 2000


def test_each_change_has_a_revision_of_its_own() -> None:
    kept = Kept().change("digits", HALVES).change("objects", HALVES).change("digits", None)
    assert kept.revision == 3
    assert {name: ruled.revision for name, ruled in kept.models.items()} == {
        "digits": 3,
        "objects": 2,
    }
    assert parse_kept(kept.model_dump_json().encode()) == kept


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"\xff",
        json.dumps({"revision": "x"}).encode(),
        b"{}",
        b'{"value": 1}',
        b'{"revision": -1, "models": {}}',
        b'{"revision": true, "models": {}}',
        b'{"revision": 3, "models": {"digits": {}}}',
        b'{"revision": 3, "models": {"digits": {"revision": 3, "reason": ""}}}',
    ],
)
def test_a_damaged_value_is_none(data: bytes) -> None:
    with pytest.raises(RolloutsDamaged, match="key `rollouts`"):
        parse_kept(data)
