"""Loads, retries and evictions through the repository: what waits, what does not, and the end."""

import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.engines.engine import Engine
from meshlens.classify.errors import EngineGone, InvalidModel, ModelFailed, ModelNotReady
from meshlens.classify.serving import versions
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source, read_model

PATIENCE = 30
MODEL = build_model(None)
UNIT = len(MODEL)
SERVED = {"lifecycle", "loader", "unloader"}


def pair(*_: object) -> FakeEngine:
    return FakeEngine(np.array([[0.4, 0.6]], np.float32))


def place(folder: Path, version: str, *, units: int = 1) -> Path:
    """Put a model of so many times the smallest size into the folder."""
    (folder / version).mkdir(parents=True)
    (folder / version / "m.tflite").write_bytes(MODEL + bytes((units - 1) * UNIT))
    return folder


def until(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, what, within=PATIENCE)


def state(repository: Repository, name: str) -> State:
    return repository.describe(*name.split("@")).state


class Fetch:
    """Reads models from the folder; one of them when a gate opens."""

    def __init__(self, slow: str) -> None:
        self.slow = slow
        self.begun, self.go_on, self.done = (threading.Event() for _ in range(3))

    def __call__(self, source: Source) -> bytes:
        if source.model != self.slow:
            return read_model(source)
        self.begun.set()
        self.go_on.wait(PATIENCE)
        data = read_model(source)
        self.done.set()
        return data


def join_threads() -> None:
    for thread in threading.enumerate():
        if thread.name in SERVED:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("units", "evictions", "left"), [(2, 0, State.AVAILABLE), (3, 1, State.END)]
)
def test_a_model_that_needs_room_waits_for_what_is_leaving_already(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    units: int,
    evictions: int,
    left: State,
) -> None:
    fetch = Fetch("b")
    fetch.go_on.set()
    repository = Repository(
        place(tmp_path, "a/1"), pair, default="a", budget=7 * UNIT // 2, fetch=fetch
    )
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 1 is loaded")
    with caplog.at_level(logging.WARNING), repository.lease("a", "1"):
        repository.refresh(find_models(place(tmp_path, "a/2")))
        until(lambda: state(repository, "a@2") is State.AVAILABLE, "version 2 is loaded")
        until(lambda: state(repository, "a@1") is State.UNLOADING, "version 1 drains")
        with repository.lease("a", "2"):
            repository.refresh(find_models(place(tmp_path, "b/1", units=units)))
            assert fetch.done.wait(PATIENCE)
            until(lambda: repository.evictions == evictions, "what is too much is evicted")
        if not evictions:
            for _ in range(100):
                with repository.lease("a") as servable:
                    assert servable.source.version == "2"
        assert state(repository, "b@1") is State.LOADING
        assert state(repository, "a@1") is State.UNLOADING
    until(lambda: state(repository, "b@1") is State.AVAILABLE, "b has got its room")
    assert state(repository, "a@1") is State.END
    assert state(repository, "a@2") is left
    assert repository.evictions == evictions
    assert len(caplog.records) == evictions
    repository.stop()


def test_a_load_that_needs_room_ends_when_the_repository_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fetch = Fetch("b")
    place(place(tmp_path, "a/1"), "b/1")
    repository = Repository(tmp_path, pair, default="a", budget=UNIT, fetch=fetch)
    repository.start(lambda _: None)
    assert fetch.begun.wait(PATIENCE)
    with caplog.at_level(logging.WARNING):
        repository.stop()
        fetch.go_on.set()
        join_threads()
    assert (state(repository, "a@1"), state(repository, "b@1")) == (State.UNLOADING, State.LOADING)
    assert repository.evictions == 0
    assert not caplog.records


def test_a_slow_load_keeps_neither_answers_nor_unloads_waiting(tmp_path: Path) -> None:
    fetch = Fetch("b")
    place(place(tmp_path, "a/1"), "b/1")
    repository = Repository(tmp_path, pair, default="a", fetch=fetch)
    repository.start(lambda _: None)
    assert fetch.begun.wait(PATIENCE)
    with repository.lease("a") as servable:
        assert servable.source.model == "a"
    assert repository.unload("a", "1").state is State.END
    assert state(repository, "b@1") is State.LOADING
    fetch.go_on.set()
    until(lambda: state(repository, "b@1") is State.AVAILABLE, "b is loaded")
    repository.stop()


def test_a_request_in_progress_keeps_other_models_neither_from_loading_nor_from_leaving(
    tmp_path: Path,
) -> None:
    repository = Repository(place(place(tmp_path, "a/1"), "b/1"), pair, default="a")
    repository.start(lambda _: None)
    until(lambda: repository.ready, "both are loaded")
    with ThreadPoolExecutor(1) as caller:
        with repository.lease("a"):
            unloading = caller.submit(repository.unload, "a", "1")
            until(lambda: state(repository, "a@1") is State.UNLOADING, "a drains")
            assert repository.unload("b", "1").state is State.END
            assert repository.load("b", "1").state is State.AVAILABLE
            assert not unloading.done()
        assert unloading.result(PATIENCE).state is State.END
    repository.stop()


def test_those_who_call_for_one_load_share_it(tmp_path: Path) -> None:
    fetch, fetched = Fetch("a"), []

    def count(source: Source) -> bytes:
        fetched.append(source)
        return fetch(source)

    repository = Repository(place(tmp_path, "a/1"), pair, fetch=count)
    repository.start(lambda _: None)
    assert fetch.begun.wait(PATIENCE)
    with ThreadPoolExecutor(4) as callers:
        calls = [callers.submit(repository.load, "a", "1") for _ in range(4)]
        fetch.go_on.set()
        assert {call.result(PATIENCE).state for call in calls} == {State.AVAILABLE}
    assert len(fetched) == 1
    repository.stop()


def test_a_version_that_is_called_up_while_it_drains_comes_back(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a/1"), pair)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "it is loaded")
    with ThreadPoolExecutor(2) as callers:
        with repository.lease("a"):
            callers.submit(repository.unload, "a", "1")
            until(lambda: state(repository, "a@1") is State.UNLOADING, "it drains")
            loading = callers.submit(repository.load, "a", "1")
        assert loading.result(PATIENCE).state is State.AVAILABLE
    repository.stop()


def test_a_call_that_waits_ends_when_the_repository_stops(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a/1"), pair)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "it is loaded")
    with ThreadPoolExecutor(1) as caller, repository.lease("a"):
        unloading = caller.submit(repository.unload, "a", "1")
        until(lambda: state(repository, "a@1") is State.UNLOADING, "it drains")
        repository.stop()
        assert unloading.result(PATIENCE).state is State.UNLOADING


def test_a_version_that_fails_is_tried_again_after_a_while_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []
    seen: list[tuple[State, str]] = []

    def fail_twice(*_: object) -> Engine:
        attempts.append("")
        if len(attempts) < 3:
            raise InvalidModel("the disk is away")
        return pair()

    monkeypatch.setattr(versions, "FIRST_RETRY", 0.01)
    repository = Repository(place(tmp_path, "a/1"), fail_twice)
    repository.start(lambda servable: seen.append((servable.state, servable.error)))
    until(lambda: repository.ready, "it is loaded at the third attempt")
    # What is tried again stays failed, and the same failure is no news.
    assert seen == [
        (State.LOADING, ""),
        (State.END, "the disk is away"),
        (State.AVAILABLE, ""),
    ]
    repository.stop()
    join_threads()


def test_a_version_that_fails_is_not_tried_again_at_once(tmp_path: Path) -> None:
    attempts: list[str] = []

    def fail(*_: object) -> Engine:
        attempts.append("")
        raise InvalidModel("the disk is away")

    repository = Repository(place(tmp_path, "a/1"), fail)
    repository.start(lambda _: None)
    until(lambda: state(repository, "a@1") is State.END, "it has failed")
    for _ in range(100):
        with pytest.raises(ModelFailed, match="the disk is away"), repository.lease("a"):
            pass
    assert len(attempts) == 1
    assert repository.load("a", "1").error == "the disk is away"
    assert len(attempts) == 2
    repository.stop()


def test_the_version_before_comes_back_when_the_newest_is_removed(tmp_path: Path) -> None:
    repository = Repository(place(place(tmp_path, "a/1"), "a/2"), pair)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 2 is loaded")
    shutil.rmtree(tmp_path / "a/2")
    repository.refresh(find_models(tmp_path))
    until(lambda: [it.source.version for it in repository.servables()] == ["1"], "2 has gone")
    with repository.lease("a") as servable:
        assert servable.source.version == "1"
    repository.stop()


def test_a_version_whose_card_is_corrected_is_loaded_at_once(tmp_path: Path) -> None:
    place(tmp_path, "a/1")
    card = tmp_path / "a/1/card.yaml"
    card.write_text(f"source: {{sha256: {'a' * 64}}}")
    repository = Repository(tmp_path, pair)
    repository.start(lambda _: None)
    until(lambda: "must have sha256" in repository.describe("a").error, "it has failed")
    card.unlink()
    repository.refresh(find_models(tmp_path))
    until(lambda: repository.ready, "it is loaded")
    repository.stop()


def test_a_model_that_is_being_evicted_can_be_had_again(tmp_path: Path) -> None:
    fetch = Fetch("b")
    place(place(tmp_path, "a/1"), "b/1")
    repository = Repository(tmp_path, pair, default="a", budget=UNIT, fetch=fetch)
    repository.start(lambda _: None)
    assert fetch.begun.wait(PATIENCE)
    with repository.lease("a"):
        fetch.go_on.set()
        until(lambda: state(repository, "a@1") is State.UNLOADING, "a makes room")
        with pytest.raises(ModelNotReady, match="it is UNLOADING; try again"), repository.lease():
            pass
    until(lambda: state(repository, "a@1") is State.AVAILABLE, "a is back")
    assert repository.evictions == 2
    repository.stop()


def test_an_evicted_version_that_another_one_replaced_is_not_promised(tmp_path: Path) -> None:
    place(place(tmp_path, "a/1"), "b/1")
    repository = Repository(tmp_path, pair, default="b", budget=UNIT)
    repository.load("a")
    repository.load("b")
    repository.unload("b", "1")
    repository.start(lambda _: None)
    assert state(repository, "a@1") is State.END
    repository.unload("a", "1")
    with pytest.raises(ModelFailed, match="it was unloaded"), repository.lease("a"):
        pass
    repository.stop()


def test_a_model_whose_engine_has_died_is_loaded_again(tmp_path: Path) -> None:
    made: list[FakeEngine] = []

    def remember(*_: object) -> Engine:
        made.append(pair())
        return made[-1]

    repository = Repository(place(tmp_path, "a/1"), remember)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "it is loaded")
    with pytest.raises(EngineGone), repository.lease("a"), repository.lease("a"):
        raise EngineGone("its process has ended")
    until(lambda: len(made) == 2 and state(repository, "a@1") is State.AVAILABLE, "it is back")
    assert (made[0].closed, made[1].closed) == (True, False)
    repository.stop()


def test_an_engine_that_cannot_be_closed_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stubborn(FakeEngine):
        def close(self) -> None:
            raise OSError("its process does not answer")

    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    stubborn = Stubborn(np.array([[0.4, 0.6]], np.float32))
    repository = Repository(place(tmp_path, "a/1"), lambda *_: stubborn)
    repository.load("a")
    assert repository.unload("a", "1").state is State.END
    until(lambda: len(faults) == 1, "the fault has been reported")


def test_versions_beyond_the_policy_are_loaded_by_the_operator_alone(tmp_path: Path) -> None:
    place(place(tmp_path, "a/1"), "a/2")
    repository = Repository(tmp_path, pair, policy=VersionPolicy(latest=1))
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 2 is loaded")
    assert state(repository, "a@1") is State.START
    assert repository.load("a", "1").state is State.AVAILABLE
    repository.refresh(find_models(place(tmp_path, "a/3")))
    until(lambda: state(repository, "a@2") is State.END, "version 3 has replaced version 2")
    assert state(repository, "a@1") is State.AVAILABLE
    assert repository.unload("a", "1").state is State.END
    repository.stop()
