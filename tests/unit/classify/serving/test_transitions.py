"""One version: which transitions there are, which are refused, and what callers see of it."""

from collections.abc import Callable
from typing import cast

import pytest

from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.stages import FOLLOWING, Stage
from meshlens.classify.serving.steps import (
    Admit,
    Close,
    Evict,
    Forget,
    Key,
    Load,
    Refuse,
    Step,
    Unload,
)
from meshlens.classify.serving.versions import IllegalTransition, State, Version
from meshlens.classify.storage.source import Source

KEY = Key("a", "1")
LOADED = cast("Loaded", object())  # nobody looks into it


def version(stage: Stage = Stage.START) -> Version:
    return Version(Source(KEY.model, KEY.version, ()), stage)


TRANSITIONS: list[tuple[Callable[[Version], None], set[Stage], Stage]] = [
    (Version.begin_load, {Stage.START, Stage.END}, Stage.FETCHING),
    (lambda it: it.fetched(b"data"), {Stage.FETCHING}, Stage.FETCHED),
    (Version.begin_open, {Stage.FETCHED}, Stage.OPENING),
    (lambda it: it.opened(LOADED), {Stage.OPENING}, Stage.AVAILABLE),
    (Version.begin_unload, {Stage.AVAILABLE}, Stage.DRAINING),
    (Version.begin_close, {Stage.DRAINING}, Stage.CLOSING),
    (Version.lost, {Stage.START, Stage.END, Stage.AVAILABLE}, Stage.START),
]


@pytest.mark.parametrize(("make", "legal", "end"), TRANSITIONS)
@pytest.mark.parametrize("stage", Stage)
def test_a_transition_that_cannot_follow_is_refused(
    make: Callable[[Version], None], legal: set[Stage], end: Stage, stage: Stage
) -> None:
    it = version(stage)
    if stage in legal:
        make(it)
        assert it.stage is end
    else:
        with pytest.raises(IllegalTransition, match=f"is {stage}, it cannot become {end}"):
            make(it)
        assert it.stage is stage


def test_a_version_in_use_is_not_closed() -> None:
    it = version(Stage.DRAINING)
    it.users = 1
    with pytest.raises(IllegalTransition, match="in use by 1 requests"):
        it.begin_close()


def test_every_stage_can_be_reached_and_left() -> None:
    assert set(FOLLOWING) == set(Stage)
    assert set().union(*FOLLOWING.values()) == set(Stage)


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (Load(KEY), Stage.START, Stage.FETCHING),
        (Admit(KEY), Stage.FETCHED, Stage.OPENING),
        (Refuse(KEY), Stage.FETCHED, Stage.END),
        (Refuse(KEY, "too large"), Stage.FETCHED, Stage.END),
        (Unload(KEY), Stage.START, Stage.END),
        (Unload(KEY), Stage.AVAILABLE, Stage.DRAINING),
        (Evict(KEY, Key("b", "1")), Stage.AVAILABLE, Stage.DRAINING),
        (Close(KEY), Stage.DRAINING, Stage.CLOSING),
        (Forget(KEY), Stage.END, Stage.END),
    ],
)
def test_a_step_begins_with_a_transition(step: Step, before: Stage, after: Stage) -> None:
    it = version(before)
    it.take(step, 0.0)
    assert it.stage is after
    assert it.error == ("too large" if isinstance(step, Refuse) and step.reason else "")


def test_each_failure_doubles_the_delay_up_to_five_minutes() -> None:
    it, delays = version(), []
    for _ in range(12):
        it.begin_load()
        it.failed("damaged", 100.0)
        delays.append(it.retry_at - 100.0)
    assert delays == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300, 300]
    it.call_up(100.0)
    it.begin_load()
    it.failed("damaged", 100.0)
    assert it.retry_at == 105.0
    it.begin_load()
    it.fetched(b"data")
    it.begin_open()
    it.opened(LOADED)
    assert (it.error, it.failures) == ("", 0)


def test_a_failed_version_that_is_tried_again_is_seen_as_failed_until_it_answers() -> None:
    it = version(Stage.FETCHING)
    assert it.state is State.LOADING
    it.failed("damaged", 0.0)
    it.begin_load()
    assert (it.state, it.now().error) == (State.END, "damaged")
    it.fetched(b"data")
    it.begin_open()
    it.opened(LOADED)
    assert (it.state, it.now().error) == (State.AVAILABLE, "")


def test_an_evicted_version_that_is_requested_is_on_its_way() -> None:
    it = version(Stage.AVAILABLE)
    it.begin_unload(evicted=True)
    assert (it.state, it.on_its_way) == (State.UNLOADING, False)
    it.request(1.0)
    assert (it.state, it.on_its_way) == (State.UNLOADING, True)
    it.request(2.0)
    assert it.wished == 1.0  # the first of those that wait counts
    it.begin_close()
    it.ended()
    assert (it.state, it.on_its_way) == (State.START, True)
    it.ended()
    assert (it.state, it.on_its_way, it.evicted) == (State.END, False, False)


def test_a_version_that_was_unloaded_does_not_come_by_being_requested() -> None:
    it = version(Stage.AVAILABLE)
    it.begin_unload()
    it.request(1.0)
    it.begin_close()
    it.ended()
    assert (it.state, it.on_its_way, it.wished) == (State.END, False, None)


def test_bytes_and_engine_are_let_go_once() -> None:
    it = version(Stage.FETCHING)
    it.fetched(b"data")
    assert (it.size, it.take_data(), it.take_data()) == (4, b"data", b"")
    it.begin_open()
    it.opened(LOADED)
    it.begin_unload()
    it.begin_close()
    assert (it.take_loaded(), it.take_loaded()) == (LOADED, None)
    assert it.size == 4  # until its memory is free
    it.ended()
    assert it.size == 0
