"""Pictures of a job, answered by a model in this process and by the service."""

import base64
import json
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from unit.classify.batch.naming import options
from unit.classify.fake_engine import FakeEngine
from unit.classify.graphs import answering, constant
from unit.classify.models import build_model
from unit.classify.pictures import blocks, encode, png_header

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch.answering import Answering, Refusal
from meshlens.classify.batch.job import PictureJob
from meshlens.classify.batch.local_model import LocalModel
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import (
    EngineCrashed,
    EngineGone,
    InvalidModel,
    InvalidOption,
    ModelFailed,
    WrongTask,
)
from meshlens.classify.formats.card import Kind, Task
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.messages import Request

LIMIT = 1_000_000
SAMPLES = Path(__file__).resolve().parents[4] / "services/classify/samples"
DETECTOR = answering(
    constant("boxes", [[[0.0, 0.0, 0.5, 0.5], [0.5, 0.25, 1.0, 1.0]]]),
    constant("scores", [[0.75, 0.5]]),
    constant("classes", [[0, 1]]),
)
CARD = """
model: {path: shapes.tflite}
task: detect
subject: shape
output: {label: {path: shapes.txt}}
detection: {boxes: boxes, scores: scores, classes: classes, units: fractions}
"""


def write_models(folder: Path) -> Path:
    folder.mkdir()
    (folder / "shapes.tflite").write_bytes(DETECTOR)
    (folder / "shapes.txt").write_text("square\nline\n")
    (folder / "shapes.yaml").write_text(CARD)
    (folder / "digits.tflite").write_bytes((SHIPPED / "digits/1/digits.tflite").read_bytes())
    (folder / "plain.tflite").symlink_to(folder / "digits.tflite")
    (folder / "plain.yaml").write_text("model: {path: plain.tflite}\ntask: tensor")
    return folder


SHIPPED = Path(__file__).resolve().parents[4] / "services/classify/src/meshlens/classify/models"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = write_models(tmp_path_factory.mktemp("some") / "models")
    return Repository(folder, partial(open_engine, workers=2), default="digits")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for sample in SAMPLES.glob("*.[jp][np]g"):
        (folder / sample.name).write_bytes(sample.read_bytes())
    (folder / "notes.jpg").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "large.png").write_bytes(png_header(9999, 9999))
    (folder / "cut.png").write_bytes((folder / "digit-4.png").read_bytes()[:300])
    return folder


class ServiceModel:
    """Answers by a service's own method, up to 32 pictures a request."""

    most, most_bytes = 32, LIMIT

    def __init__(self, repository: Repository, local: LocalModel) -> None:
        self._service = Service(repository, max_pixels=LIMIT)
        self.identify = local.identify

    def answer(self, model: Fields, pictures: Sequence[bytes]) -> Sequence[Fields | Refusal]:
        """Return what the method says of each picture."""
        images = [base64.b64encode(picture).decode() for picture in pictures]
        query = {"model": f"{model['model']}@{model['version']}"}
        query |= {name: str(it) for name, it in model["options"].items() if it is not None}
        body = json.dumps({"images": images}).encode()
        request = Request(model["task"], "POST", query, "application/json", body, {})
        reply = json.loads(self._service.answer(Task(model["task"]), request).body)
        return [
            Refusal(each["error"]["reason"], each["error"]["message"]) if "error" in each else each
            for each in reply["answers"]
        ]


def answer(answers: Answering, folder: Path, kept: Path, **others: object) -> FolderObjects:
    job, objects = PictureJob(FolderPictures.open, answers), FolderObjects(kept)
    run(job, job.identify(options(folder, **others)), objects, workers=2)
    return objects


@pytest.mark.parametrize(
    ("name", "given", "most"), [("digits", {"top_k": 3}, 1), ("shapes", {}, 1), ("digits", {}, 4)]
)
def test_a_model_here_and_the_service_give_the_same_bytes(
    repository: Repository,
    pictures: Path,
    tmp_path: Path,
    name: str,
    given: dict[str, int],
    most: int,
) -> None:
    local = LocalModel(repository, name, max_pixels=LIMIT)
    local.most = most
    here = answer(local, pictures, tmp_path / "here", options=given)
    there = answer(ServiceModel(repository, local), pictures, tmp_path / "there", options=given)
    names = [*here.names("")]
    assert names == [*there.names("")]
    assert [here.get(each) for each in names] == [there.get(each) for each in names]
    summary = json.loads(here.get("summary.json") or b"")
    assert {reason: those["count"] for reason, those in summary["failures"].items()} == {
        "INVALID_IMAGE": 3,
        "IMAGE_TOO_LARGE": 1,
    }
    labels = summary["labels"]
    assert labels["7"] >= 1 if name == "digits" else labels == {"square": 13, "line": 13}


def test_a_model_is_identified_by_all_that_its_answers_depend_on(tmp_path: Path) -> None:
    folder = write_models(tmp_path / "models")
    seen = []
    for labels, card in (("a\nb", CARD), ("a\nc", CARD), ("a\nb", f"{CARD}version: 1\n")):
        (folder / "shapes.txt").write_text(labels)
        (folder / "shapes.yaml").write_text(card)
        local = LocalModel(
            Repository(folder, partial(open_engine, workers=1), default="shapes"), max_pixels=LIMIT
        )
        seen.append(local.identify({"threshold": 0.25}))
    assert len({each["content"] for each in seen}) == 3
    assert len({each["sha256"] for each in seen}) == 1
    assert seen[0]["task"] == "detect"
    assert seen[0]["options"]["threshold"] == 0.25
    with pytest.raises(InputChanged, match="model shapes must stay as it was"):
        local.answer(seen[0], [encode(blocks())])


def test_a_model_that_takes_no_pictures_is_refused_by_its_name(repository: Repository) -> None:
    with pytest.raises(WrongTask, match="got plain, which computes tensors; name another model"):
        LocalModel(repository, "plain", max_pixels=LIMIT).identify({})


def test_an_option_of_another_task_is_refused(repository: Repository) -> None:
    with pytest.raises(InvalidOption, match=r"threshold: .*; the options are: model, key, top_k"):
        LocalModel(repository, "digits", max_pixels=LIMIT).identify({"threshold": 0.5})


def test_a_model_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.tflite").write_text("no model")
    local = LocalModel(Repository(tmp_path, partial(open_engine, workers=1)), max_pixels=LIMIT)
    with pytest.raises(ModelFailed, match="model bad must be AVAILABLE"):
        local.identify({})


# Brightness of pictures, of which no warm-up is.
DEADLY, LAST = 201, 41


class Mortal(FakeEngine):
    """Ends because of deadly pictures, and as often as told during other ones."""

    ends = 0
    lock = threading.Lock()

    def run(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[override]
        """Answer, or end."""
        seen = int(tensors["picture"].mean())
        if seen == DEADLY:
            raise EngineCrashed("the model cannot compute with these inputs")
        with Mortal.lock:
            if seen == LAST and Mortal.ends > 0:
                Mortal.ends -= 1
                raise EngineGone("what ran the model is gone")
        return {"classes": self.output}


def open_mortal(_: Kind, __: bytes, *___: object) -> Mortal:
    return Mortal(np.array([[0.25, 0.75]], np.float32), input_shape=(1, 32, 48, 3))


def plain(brightness: int) -> bytes:
    return encode(blocks().point(lambda _: brightness))


@pytest.fixture
def mortal(tmp_path: Path) -> LocalModel:
    (tmp_path / "namer.tflite").write_bytes(build_model(None))
    return LocalModel(Repository(tmp_path, open_mortal), max_pixels=LIMIT)


def test_a_picture_of_which_the_engine_dies_fails_alone(mortal: LocalModel) -> None:
    model = mortal.identify({})
    good, bad, after = mortal.answer(model, [plain(99), plain(DEADLY), plain(99)])
    assert isinstance(bad, Refusal)
    assert bad.reason == "ENGINE_CRASHED"
    assert good == after
    assert not isinstance(good, Refusal)


@pytest.mark.parametrize("ends", [1, 2])
def test_a_picture_during_which_the_engine_goes_is_answered_by_the_next(
    mortal: LocalModel, ends: int
) -> None:
    model = mortal.identify({})
    Mortal.ends = ends
    (answered,) = mortal.answer(model, [plain(LAST)])
    assert not isinstance(answered, Refusal)
    assert Mortal.ends == 0


def test_an_engine_that_always_goes_ends_the_job(mortal: LocalModel) -> None:
    model = mortal.identify({})
    Mortal.ends = 99
    with pytest.raises(PartFailed, match="model namer must answer, got 3 ends"):
        mortal.answer(model, [plain(LAST)])
    Mortal.ends = 0


def test_a_model_whose_numbers_are_none_of_its_task_ends_the_job(tmp_path: Path) -> None:
    class Wrong(FakeEngine):
        def run(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[override]
            if tensors["picture"].mean() == 99:
                raise InvalidModel("its numbers must be probabilities", got="7")
            return {"classes": self.output}

    def open_wrong(_: Kind, __: bytes, *___: object) -> Wrong:
        return Wrong(np.array([[0.25, 0.75]], np.float32), input_shape=(1, 32, 48, 3))

    (tmp_path / "namer.tflite").write_bytes(build_model(None))
    local = LocalModel(Repository(tmp_path, open_wrong), max_pixels=LIMIT)
    with pytest.raises(PartFailed, match="its numbers must be probabilities, got 7"):
        local.answer(local.identify({}), [plain(99)])
