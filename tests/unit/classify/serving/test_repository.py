"""A folder of models: what is found, what it becomes, and what a bad file does to the others."""

import shutil
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from unit.classify.fake_engine import FakeEngine
from unit.classify.leases import lease_classifier
from unit.classify.models import build_model

from meshlens.classify.engines.engine import Engine, OpenEngine
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import ModelFailed, ModelNotFound, ModelNotReady, NoModels
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable, State
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source

PATIENCE = 30
MODEL = build_model(None)


def pair() -> FakeEngine:
    return FakeEngine(np.array([[0.4, 0.6]], np.float32))


def place(folder: Path, *names: str, data: bytes = MODEL) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def loaded(
    folder: Path,
    open_engine: OpenEngine = lambda *_: pair(),
    *,
    default: str = "",
) -> Repository:
    repository = Repository(folder, open_engine, default=default)
    for servable in repository.servables():
        repository.load(servable.source.model)
    return repository


def test_files_and_folders_are_models(tmp_path: Path) -> None:
    place(tmp_path, "flowers.tflite", "birds/any-name.tflite", "digits/1/a.tflite")
    place(tmp_path, "digits/10/b.tflite", "digits/9/c.tflite")
    assert set(find_models(tmp_path)) == {
        Source("flowers", "1", (tmp_path / "flowers.tflite",)),
        Source("birds", "1", (tmp_path / "birds/any-name.tflite",)),
        Source("digits", "9", (tmp_path / "digits/9/c.tflite",)),
        Source("digits", "10", (tmp_path / "digits/10/b.tflite",)),
        Source("digits", "1", (tmp_path / "digits/1/a.tflite",)),
    }


def test_what_is_no_model_is_passed_over(tmp_path: Path) -> None:
    place(tmp_path, "notes.txt", "saved_model.pb", ".hidden/a.tflite", "digits/3/.part.tflite")
    place(tmp_path, "digits/samples/1.png", "digits/1/digits.tflite", "digits/2/digits.part")
    assert [source.model for source in find_models(tmp_path)] == ["digits"]
    assert next(find_models(tmp_path)).version == "1"


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_models_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoModels, match=f"expected models .* in .*{name}"):
        Repository(tmp_path / name, lambda *_: pair())


def test_a_model_goes_from_start_over_loading_to_available(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a.tflite"), lambda *_: pair())
    assert [servable.state for servable in repository.servables()] == [State.START]
    seen: list[State] = []
    repository.start(lambda servable: seen.append(servable.state))
    repository.load("a")
    repository.stop()
    assert seen == [State.LOADING, State.AVAILABLE]
    source, classifier = lease_classifier(repository, "a", "1")
    assert (source.model, source.version) == ("a", "1")
    assert classifier.labels == ("0", "1")


def test_the_first_answer_needs_no_first_time_work(tmp_path: Path) -> None:
    engine = pair()
    loaded(place(tmp_path, "a.tflite"), lambda *_: engine)
    assert engine.seen is not None


def test_the_model_with_the_most_labels_is_the_default(tmp_path: Path) -> None:
    folder = place(tmp_path, "b.tflite", "a/x.tflite", "c.tflite")
    assert Repository(folder, lambda *_: pair()).default == "a"
    (folder / "c.txt").write_text("cat\ndog\n")
    repository = loaded(folder)
    assert repository.default == "c"
    assert lease_classifier(repository)[0].model == "c"


def test_among_models_with_equally_many_labels_the_largest_is_the_default(
    tmp_path: Path, shared: Path
) -> None:
    both = [shared / "models" / name for name in ("mobilenet_v1_025", "mobilenet_v2")]
    for folder in both:
        (tmp_path / folder.name).symlink_to(folder)
    assert Repository(tmp_path, lambda *_: pair()).default == "mobilenet_v2"


def test_a_classifier_is_the_default_even_where_its_file_is_elsewhere(tmp_path: Path) -> None:
    place(tmp_path, "computes/1/saved_model.pb", data=b"")
    place(tmp_path, "detects.tflite")
    place(tmp_path, "detects.yaml", data=b"{model: {path: detects.tflite}, task: detect}")
    card = f"{{model: {{path: digits.tflite}}, source: {{sha256: {'a' * 64}}}}}"
    place(tmp_path, "digits/1/card.yaml", data=card.encode())
    assert Repository(tmp_path, lambda *_: pair()).default == "digits"


def test_the_default_may_be_chosen(tmp_path: Path) -> None:
    folder = place(tmp_path, "a.tflite", "b.tflite")
    assert lease_classifier(loaded(folder, default="b"))[0].model == "b"
    with pytest.raises(ModelNotFound, match="expected one of the models a, b, got 'c'"):
        Repository(folder, lambda *_: pair(), default="c")


@pytest.mark.parametrize(("name", "version"), [("b", ""), ("a", "2"), ("../a", ""), ("a", "01")])
def test_a_model_that_is_not_there_is_not_found(tmp_path: Path, name: str, version: str) -> None:
    repository = loaded(place(tmp_path, "a.tflite"))
    with pytest.raises(ModelNotFound, match="expected one of the models a"):
        lease_classifier(repository, name, version)


def test_a_model_on_its_way_is_not_ready(tmp_path: Path) -> None:
    begun, go_on, ready = threading.Event(), threading.Event(), threading.Event()

    def open_slowly(*_: object) -> Engine:
        begun.set()
        go_on.wait(PATIENCE)
        return pair()

    def on_change(servable: Servable) -> None:
        if servable.state is State.AVAILABLE:
            ready.set()

    repository = Repository(place(tmp_path, "a.tflite"), open_slowly)
    with pytest.raises(ModelNotReady, match="it is START"):
        lease_classifier(repository)
    repository.start(on_change)
    assert begun.wait(PATIENCE)
    with pytest.raises(ModelNotReady, match="it is LOADING; try again") as fault:
        lease_classifier(repository)
    assert fault.value.state == State.LOADING
    go_on.set()
    assert ready.wait(PATIENCE)
    assert lease_classifier(repository)[0].model == "a"
    repository.stop()


def test_the_default_model_is_loaded_first(tmp_path: Path) -> None:
    order: list[str] = []
    finished = threading.Event()

    def on_change(servable: Servable) -> None:
        if servable.state is State.AVAILABLE:
            order.append(servable.source.model)
        if len(order) == 3:
            finished.set()

    folder = place(tmp_path, "a.tflite", "b.tflite", "c.tflite")
    repository = Repository(folder, lambda *_: pair(), default="c")
    repository.start(on_change)
    assert finished.wait(PATIENCE)
    repository.stop()
    assert order == ["c", "a", "b"]


def test_a_repository_that_stops_changes_nothing_any_more(tmp_path: Path) -> None:
    begun, go_on, opened = threading.Event(), threading.Event(), threading.Event()

    def open_slowly(*_: object) -> Engine:
        begun.set()
        go_on.wait(PATIENCE)
        opened.set()
        return pair()

    seen: list[State] = []
    repository = Repository(place(tmp_path, "a.tflite", "b.tflite"), open_slowly)
    repository.start(lambda servable: seen.append(servable.state))
    assert begun.wait(PATIENCE)
    repository.stop()
    go_on.set()
    assert opened.wait(PATIENCE)
    for thread in threading.enumerate():
        if thread.name == "loader":
            thread.join(PATIENCE)
    assert seen == [State.LOADING]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "TFL3"),
        (b"this is a text file", "TFL3"),
        (MODEL[:40], "damaged"),
        pytest.param(build_model(None), "LiteRT cannot run the model", marks=pytest.mark.slow),
    ],
)
def test_a_bad_file_fails_alone_and_says_why(
    tmp_path: Path, models: Path, data: bytes, reason: str
) -> None:
    place(tmp_path, "bad.tflite", data=data)
    shutil.copytree(models / "digits", tmp_path / "digits")
    repository = loaded(tmp_path, partial(open_engine, workers=1))
    with pytest.raises(ModelFailed, match=f"it is END: .*{reason}") as fault:
        lease_classifier(repository, "bad")
    assert fault.value.state == State.END
    assert reason in fault.value.cause
    assert lease_classifier(repository, "digits")[1].subject == "digit"


def test_a_fault_that_nobody_foresaw_fails_one_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> Engine:
        raise ZeroDivisionError("secret")

    repository = loaded(place(tmp_path, "a.tflite"), break_down)
    with pytest.raises(ModelFailed, match="unexpected ZeroDivisionError;") as fault:
        lease_classifier(repository, "a")
    assert "secret" not in str(fault.value)
    assert "ZeroDivisionError: secret" in caplog.text


def test_two_files_in_one_folder_fail_by_name(tmp_path: Path) -> None:
    repository = loaded(place(tmp_path, "a/one.tflite", "a/two.tflite"))
    with pytest.raises(ModelFailed, match=r"got one\.tflite, two\.tflite"):
        lease_classifier(repository)


def test_a_file_that_goes_away_fails(tmp_path: Path) -> None:
    repository = Repository(place(tmp_path, "a.tflite"), lambda *_: pair())
    (tmp_path / "a.tflite").unlink()
    repository.load("a")
    with pytest.raises(ModelFailed, match=r"a\.tflite cannot be read: No such file"):
        lease_classifier(repository)


@pytest.mark.parametrize("name", ["x.txt", "labels.txt", "my_labelmap.txt"])
def test_labels_and_subject_may_stand_beside_a_model(tmp_path: Path, name: str) -> None:
    place(tmp_path, "pets/x.tflite")
    (tmp_path / "pets" / name).write_text("cat\ndog\n")
    (tmp_path / "pets/subject.txt").write_text("pet\n")
    _, classifier = lease_classifier(loaded(tmp_path), "pets")
    assert classifier.labels == ("cat", "dog")
    assert classifier.subject == "pet"


def test_of_two_label_files_only_the_models_own_is_taken(tmp_path: Path) -> None:
    place(tmp_path, "x.tflite", "y.tflite", "labels_a.txt", "labels_b.txt", data=MODEL)
    (tmp_path / "x.txt").write_text("cat\ndog\n")
    repository = loaded(tmp_path)
    assert lease_classifier(repository, "x")[1].labels == ("cat", "dog")
    assert lease_classifier(repository, "y")[1].labels == ("0", "1")


def test_a_wrong_number_of_labels_beside_a_model_fails_it(tmp_path: Path) -> None:
    place(tmp_path, "x.tflite")
    (tmp_path / "x.txt").write_text("cat\n")
    with pytest.raises(ModelFailed, match="expected 2 labels"):
        lease_classifier(loaded(tmp_path))
