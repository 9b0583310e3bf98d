"""Several versions of a model: which is asked, how they change, and what happens to who asks."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.errors import InvalidModel, ModelFailed, ModelNotFound, ModelNotReady
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.version_policy import VersionPolicy, parse_policy
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.watcher import Watcher

PATIENCE = 30
MODEL = build_model(None)


class Engines:
    """Makes fake engines and remembers them."""

    def __init__(self) -> None:
        self.made: list[FakeEngine] = []
        self.fail = ""
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, *_: object) -> FakeEngine:
        self.gate.wait(PATIENCE)
        if self.fail:
            raise InvalidModel(self.fail)
        self.made.append(FakeEngine(np.array([[0.4, 0.6]], np.float32)))
        return self.made[-1]


def place(folder: Path, *versions: str) -> Path:
    for version in versions:
        (folder / version).mkdir(parents=True)
        (folder / version / "m.tflite").write_bytes(MODEL)
    return folder


def states(repository: Repository, name: str = "") -> dict[str, State]:
    return {
        f"{servable.source.model}@{servable.source.version}": servable.state
        for servable in repository.servables(name)
    }


def asked(repository: Repository, name: str = "", version: str = "") -> str:
    with repository.lease(name, version) as servable:
        return servable.source.version


def until(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, what, within=PATIENCE)


def test_the_latest_version_is_loaded_and_asked(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a/1", "a/2", "a/10"), Engines())
    repository.load("a")
    assert states(repository) == {"a@10": "AVAILABLE", "a@2": "START", "a@1": "START"}
    assert asked(repository, "a") == "10"


@pytest.mark.parametrize(
    ("versions", "labels", "wanted"),
    [
        ("latest", "", {"3"}),
        ("latest:2", "", {"2", "3"}),
        ("all", "", {"1", "2", "3"}),
        ("a@1", "", {"1"}),
        ("b@1", "", {"3"}),
        ("a@9", "", set()),
        ("latest", "a@stable=1", {"1", "3"}),
    ],
)
def test_a_policy_chooses_versions(versions: str, labels: str, wanted: set[str]) -> None:
    assert parse_policy(versions, labels).choose("a", ["1", "2", "3"]) == wanted


@pytest.mark.parametrize(
    ("versions", "labels"),
    [
        ("newest", ""),
        ("latest:0", ""),
        ("a", ""),
        ("latest", "canary=1"),
        ("latest", "a@1=2"),
        ("latest", "a@canary=1,a@canary=2"),
    ],
)
def test_a_policy_that_nobody_understands_is_refused(versions: str, labels: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*, got"):
        parse_policy(versions, labels)


def test_labels_name_versions_and_stable_is_asked_where_none_is_named(tmp_path: Path) -> None:
    policy = parse_policy("latest", "a@stable=1,a@canary=3")
    repository = Repository(place(tmp_path, "a/1", "a/2", "a/3"), Engines(), policy=policy)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "all is loaded")
    assert asked(repository, "a") == "1"
    assert asked(repository, "a", "canary") == "3"
    assert states(repository)["a@2"] == "START"
    with pytest.raises(ModelNotFound, match="a@canary"):
        asked(repository, "a", "nightly")
    repository.stop()


def test_the_old_version_answers_until_the_new_one_can_and_then_drains(tmp_path: Path) -> None:
    engines = Engines()
    folder = place(tmp_path, "a/1")
    repository = Repository(folder, engines)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 1 is loaded")
    (old,) = engines.made
    engines.gate.clear()
    repository.refresh(find_models(place(tmp_path, "a/2")))
    until(lambda: states(repository)["a@2"] is State.LOADING, "version 2 loads")
    assert repository.ready
    with repository.lease("a") as servable:
        assert servable.source.version == "1"
        engines.gate.set()
        until(lambda: states(repository)["a@1"] is State.UNLOADING, "version 1 drains")
        assert asked(repository, "a") == "2"
        assert not old.closed
    until(lambda: states(repository)["a@1"] is State.END, "version 1 is unloaded")
    assert old.closed
    with pytest.raises(ModelFailed, match="it was unloaded"):
        asked(repository, "a", "1")
    repository.stop()


def test_a_version_that_fails_changes_nothing_else(tmp_path: Path) -> None:
    engines = Engines()
    repository = Repository(place(tmp_path, "a/1"), engines)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 1 is loaded")
    engines.fail = "unknown operation X"
    repository.refresh(find_models(place(tmp_path, "a/2")))
    until(lambda: states(repository)["a@2"] is State.END, "version 2 has failed")
    assert repository.ready
    assert states(repository)["a@1"] is State.AVAILABLE
    assert asked(repository, "a") == "1"
    with pytest.raises(ModelFailed, match="unknown operation X"):
        asked(repository, "a", "2")
    engines.fail = ""
    assert repository.load("a", "2").state is State.AVAILABLE
    assert asked(repository, "a") == "2"
    repository.stop()


@pytest.mark.slow
def test_nobody_is_refused_and_nobody_gets_a_closed_engine_while_versions_change(
    tmp_path: Path,
) -> None:
    engines = Engines()
    repository = Repository(place(tmp_path, "a/1"), engines)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "version 1 is loaded")
    stop = threading.Event()

    def ask() -> int:
        count = 0
        while not stop.is_set():
            with repository.lease("a") as servable:
                assert servable.loaded is not None
                engine = servable.loaded.engine
                time.sleep(0)
                assert isinstance(engine, FakeEngine)
                assert not engine.closed
            count += 1
        return count

    with ThreadPoolExecutor(4) as threads:
        callers = [threads.submit(ask) for _ in range(4)]
        for number in range(2, 12):
            repository.refresh(find_models(place(tmp_path, f"a/{number}")))
            until(lambda number=number: asked(repository) == str(number), "the new one answers")  # type: ignore[misc] # mypy cannot infer a lambda with a default
        stop.set()
        assert all(caller.result() for caller in callers)
    until(lambda: sum(not engine.closed for engine in engines.made) == 1, "old ones are closed")
    repository.stop()


def test_a_version_that_is_gone_is_unloaded_and_forgotten(tmp_path: Path) -> None:
    policy = VersionPolicy(latest=0)
    repository = Repository(place(tmp_path, "a/1", "a/2"), Engines(), policy=policy)
    repository.start(lambda _: None)
    until(lambda: repository.ready, "both are loaded")
    shutil.rmtree(tmp_path / "a/2")
    repository.refresh(find_models(tmp_path))
    until(lambda: states(repository) == {"a@1": State.AVAILABLE}, "version 2 is forgotten")
    assert asked(repository) == "1"
    repository.stop()


def test_the_model_that_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    folder = place(tmp_path, "a/1", "b/1", "c/1")
    repository = Repository(folder, Engines(), default="a", budget=2 * len(MODEL))
    repository.start(lambda _: None)
    until(lambda: states(repository)["c@1"] is State.AVAILABLE, "c has taken the room of b")
    assert states(repository) == {"a@1": "AVAILABLE", "b@1": "END", "c@1": "AVAILABLE"}
    assert repository.evictions == 1
    with pytest.raises(ModelNotReady):
        asked(repository, "b")
    until(lambda: states(repository)["b@1"] is State.AVAILABLE, "b is loaded again")
    assert asked(repository, "b") == "1"
    assert states(repository)["c@1"] is State.END
    assert repository.evictions == 2
    repository.stop()


def test_a_service_whose_default_model_made_room_is_ready(tmp_path: Path) -> None:
    folder = place(tmp_path, "a/1", "b/1")
    repository = Repository(folder, Engines(), default="a", budget=len(MODEL))
    repository.start(lambda _: None)
    until(lambda: states(repository) == {"a@1": "END", "b@1": "AVAILABLE"}, "b took the room of a")
    assert repository.ready
    with pytest.raises(ModelNotReady):
        asked(repository)
    assert repository.ready
    until(lambda: states(repository) == {"a@1": "AVAILABLE", "b@1": "END"}, "a is back")
    assert repository.ready
    repository.stop()


def test_a_model_beyond_the_budget_fails_by_name(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a/1"), Engines(), budget=10)
    assert repository.load("a").error.endswith("the budget 10; raise MODEL_BUDGET")


def test_a_watcher_brings_a_version_that_was_copied_slowly(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a/1"), Engines())
    repository.start(lambda _: None)
    watcher = Watcher(tmp_path, repository.refresh, settle=0.1)
    watcher.start()
    until(lambda: repository.ready, "version 1 is loaded")
    place(tmp_path, "a/2")
    until(lambda: asked(repository) == "2", "version 2 answers")
    shutil.rmtree(tmp_path / "a/1")
    until(lambda: states(repository) == {"a@2": State.AVAILABLE}, "version 1 is forgotten")
    watcher.stop()
    repository.stop()
