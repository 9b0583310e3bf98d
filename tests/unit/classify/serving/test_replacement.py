"""A version whose files have changed: what answered goes on until its new content answers."""

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.leases import lease_classifier
from unit.classify.models import build_model

from meshlens.classify import methods
from meshlens.classify.engines.engine import Engine
from meshlens.classify.errors import InvalidModel, ModelFailed
from meshlens.classify.formats.card import Kind
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.version_policy import parse_policy
from meshlens.classify.serving.versions import Servable, State
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source

PATIENCE = 30
OLD, NEW, BAD = (build_model(None) + mark for mark in (b"old", b"new", b"bad"))


class Opening:
    """Makes engines of two classes; waits with the new content until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.engines: dict[bytes, FakeEngine] = {}

    def __call__(self, _: Kind, data: bytes, *__: object) -> Engine:
        if data == BAD:
            raise InvalidModel("it is bad")
        if data == NEW:
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        engine = FakeEngine(np.array([[0.4, 0.6]], np.float32))
        self.engines[data] = engine
        return engine


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
def repository(tmp_path: Path, opening: Opening) -> Repository:
    (tmp_path / "a.tflite").write_bytes(OLD)
    repository = Repository(tmp_path, opening)
    repository.load("a")
    return repository


def change(folder: Path, repository: Repository, data: bytes) -> None:
    (folder / "a.tflite").write_bytes(data)
    content = hashlib.sha256(data).hexdigest()
    repository.refresh(replace(source, content=content) for source in find_models(folder))


def digest(repository: Repository) -> str:
    (servable,) = repository.servables("a")
    assert servable.loaded is not None
    return servable.loaded.sha256


def until(repository: Repository, data: bytes) -> None:
    expected = hashlib.sha256(data).hexdigest()
    eventually(lambda: digest(repository) == expected, "the content answers", within=PATIENCE)


def test_the_old_content_answers_until_the_new_one_does(
    tmp_path: Path, repository: Repository, opening: Opening
) -> None:
    seen: list[Servable] = []
    repository.start(seen.append)
    assert repository.ready
    with repository.lease("a", "1"):
        change(tmp_path, repository, NEW)
        assert opening.begun.wait(PATIENCE)
        (servable,) = repository.servables()
        assert (servable.state, digest(repository)) == (
            State.AVAILABLE,
            hashlib.sha256(OLD).hexdigest(),
        )
        assert servable.replacement is not None
        assert servable.replacement.state is State.LOADING
        described = methods.describe(servable, default=True, max_pixels=1).model_dump()
        assert described["replacement"] == {"state": "LOADING"}
        assert repository.ready
        lease_classifier(repository, "a")
        opening.go_on.set()
        until(repository, NEW)
        assert not opening.engines[OLD].closed
    eventually(lambda: opening.engines[OLD].closed, "the old content is closed", within=PATIENCE)
    (servable,) = repository.servables()
    assert servable.replacement is None
    assert "replacement" not in methods.describe(servable, default=True, max_pixels=1).model_dump()
    lease_classifier(repository, "a", "1")
    repository.stop()


def test_a_content_that_cannot_be_loaded_leaves_the_one_before_and_says_so(
    tmp_path: Path, repository: Repository, opening: Opening
) -> None:
    opening.go_on.set()
    change(tmp_path, repository, BAD)
    servable = repository.load("a", "1")
    assert (servable.state, servable.error) == (State.AVAILABLE, "")
    assert servable.replacement is not None
    assert (servable.replacement.state, servable.replacement.error) == (State.END, "it is bad")
    lease_classifier(repository, "a")
    change(tmp_path, repository, NEW)
    repository.load("a", "1")
    until(repository, NEW)


def test_unloading_a_version_unloads_every_content_of_it(
    tmp_path: Path, repository: Repository, opening: Opening
) -> None:
    opening.go_on.set()
    change(tmp_path, repository, BAD)
    repository.load("a", "1")
    servable = repository.unload("a", "1")
    assert (servable.state, servable.replacement) == (State.END, None)
    assert opening.engines[OLD].closed


def test_a_version_that_is_not_loaded_gets_its_new_content_when_it_is(
    tmp_path: Path, repository: Repository, opening: Opening
) -> None:
    opening.go_on.set()
    repository.unload("a", "1")
    change(tmp_path, repository, NEW)
    assert repository.load("a", "1").state is State.AVAILABLE
    assert digest(repository) == hashlib.sha256(NEW).hexdigest()


def test_a_version_that_cannot_be_used_is_named_and_the_one_before_is_served(
    tmp_path: Path, opening: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a/1/m.tflite", "a/2/m.keras"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(OLD)
    repository = Repository(tmp_path, opening)
    broken, _ = repository.servables("a")
    assert (broken.source.version, broken.state) == ("2", State.END)
    assert "m.keras, a Keras model" in broken.error
    repository.start(lambda _: None)
    assert broken.error in caplog.text
    eventually(lambda: repository.ready, "version 1 answers", within=PATIENCE)
    assert lease_classifier(repository, "a")[0].version == "1"
    assert repository.load("a", "2").state is State.END
    with pytest.raises(ModelFailed, match=r"m\.keras"):
        lease_classifier(repository, "a", "2")
    (tmp_path / "a/2/m.keras").rename(tmp_path / "a/2/m.tflite")
    repository.refresh(find_models(tmp_path))
    assert repository.load("a", "2").state is State.AVAILABLE
    repository.stop()


def test_labels_for_versions_that_are_not_there_are_warned_about(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(OLD)
    policy = parse_policy("latest", "a@stable=1,a@gone=9,b@stable=1")
    repository = Repository(tmp_path, Opening(), policy=policy)
    missing, unknown = repository.warnings()
    assert "a@gone=9, but there is no version 9 of a" in missing
    assert "b@stable=1" in unknown
    repository.refresh([*find_models(tmp_path), Source("a", "9", ()), Source("b", "1", ())])
    assert not repository.warnings()
    listed = methods.ModelList(models=[], warnings=[missing])
    assert listed.model_dump() == {"models": [], "warnings": [missing]}
    assert methods.ModelList(models=[]).model_dump() == {"models": []}
