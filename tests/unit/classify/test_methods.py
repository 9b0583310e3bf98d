"""Which model a request means, and what each method does with it."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from unit.classify.fake_engine import FakeEngine
from unit.classify.graphs import convolve, weights
from unit.classify.models import build_model
from unit.classify.pictures import LIMIT, blocks, encode

from meshlens.classify import methods
from meshlens.classify.errors import InvalidOption, ModelFailed, WrongTask
from meshlens.classify.formats.card import Kind, Task
from meshlens.classify.serving.repository import Repository
from meshlens.classify.tasks.lens import Payload
from meshlens.classify.tasks.options import ModelOptions
from meshlens.classify.tasks.tensors.predictor import PredictOptions

IMAGE = Payload(encode(blocks()), LIMIT)
DETECTS = "task: detect\ndetection: {columns: [x1, y1, x2, y2, score]}"


def open_fake(task_of: dict[bytes, str], _: Kind, data: bytes, *__: object) -> FakeEngine:
    rows = [[0, 0, 1, 1, 0.5]] if task_of[data] == "detect" else [[0.25, 0.75]]
    return FakeEngine(np.array(rows, np.float32), input_shape=(1, 32, 48, 3))


def serve(folder: Path, default: str, tasks: Mapping[str, str], *, load: bool = True) -> Repository:
    """A repository with a model of each name and its task."""
    task_of: dict[bytes, str] = {}
    for name, task in tasks.items():
        data = build_model(None) + name.encode()
        task_of[data] = task
        (folder / f"{name}.tflite").write_bytes(data)
        card = DETECTS if task == "detect" else f"task: {task}"
        (folder / f"{name}.yaml").write_text(f"model: {{path: {name}.tflite}}\n{card}\n")
    repository = Repository(folder, partial(open_fake, task_of), default=default)
    if load:
        for name in tasks:
            repository.load(name)
    return repository


@pytest.mark.parametrize("load", [True, False])
@pytest.mark.parametrize(
    ("default", "task", "found"),
    [
        ("a", Task.CLASSIFY, "a"),
        ("b", Task.CLASSIFY, "b"),
        ("c", Task.DETECT, "c"),
        ("d", Task.DETECT, "d"),
        ("a", Task.TENSOR, "e"),
    ],
)
def test_the_default_model_answers_for_its_task(
    tmp_path: Path, default: str, task: Task, found: str, *, load: bool
) -> None:
    tasks = {"a": "classify", "b": "classify", "c": "detect", "d": "detect", "e": "tensor"}
    repository = serve(tmp_path, default, tasks, load=load)
    assert methods.find_default(repository, task) == found


@pytest.mark.parametrize(
    ("default", "task", "named"),
    [
        ("a", Task.DETECT, "task detect: c, d; name one"),
        ("c", Task.CLASSIFY, "task classify: a, b; name one"),
        ("c", Task.TENSOR, "task tensor: none; name one"),
    ],
)
def test_where_several_models_or_none_could_answer_one_must_be_named(
    tmp_path: Path, default: str, task: Task, named: str
) -> None:
    tasks = {"a": "classify", "b": "classify", "c": "detect", "d": "detect"}
    with pytest.raises(InvalidOption, match=named):
        methods.find_default(serve(tmp_path, default, tasks), task)


def test_a_default_model_in_ruins_says_so_and_no_other_answers_for_it(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [")
    repository = serve(tmp_path, "bad", {"a": "classify"})
    repository.load("bad")
    with (
        pytest.raises(ModelFailed, match="YAML"),
        methods.lease_lens(repository, Task.CLASSIFY, ModelOptions()),
    ):
        pass


@pytest.mark.parametrize(
    ("task", "model", "message"),
    [
        (
            Task.CLASSIFY,
            "finds",
            (
                "expected a model that classifies pictures, got finds, which detects;"
                " ask detect, or another model"
            ),
        ),
        (
            Task.CLASSIFY,
            "counts",
            (
                "expected a model that classifies pictures, got counts, which computes tensors;"
                " ask models/counts/predict, or another model"
            ),
        ),
        (
            Task.DETECT,
            "counts",
            "expected a model that detects, got counts; name one whose task is detect",
        ),
    ],
)
def test_a_model_of_another_task_is_refused_by_what_it_does(
    tmp_path: Path, task: Task, model: str, message: str
) -> None:
    repository = serve(
        tmp_path, "names", {"names": "classify", "finds": "detect", "counts": "tensor"}
    )
    with (
        pytest.raises(WrongTask) as fault,
        methods.lease_lens(repository, task, ModelOptions(model=model)),
    ):
        pass
    assert str(fault.value) == message


def test_what_computes_tensors_sees_an_image_if_its_input_takes_one(tmp_path: Path) -> None:
    repository = serve(tmp_path, "counts", {"counts": "tensor"})
    _, image = methods.preview(repository, ModelOptions(), IMAGE)
    assert image.pixels.shape == (32, 48, 3)


def test_a_picture_becomes_the_input_of_a_model_of_any_task(tmp_path: Path) -> None:
    tasks = {"names": "classify", "finds": "detect", "counts": "tensor"}
    repository = serve(tmp_path, "names", tasks)
    for name in tasks:
        _, answer = methods.predict_picture(repository, name, "", IMAGE, PredictOptions())
        assert answer.to_fields() == {
            "picture": {"input": "picture", "width": 48, "height": 32, "channels": 3},
            "outputs": answer.outputs,
        }
        assert list(answer.outputs) == ["classes"]


def test_a_picture_for_a_model_that_takes_none_is_refused_by_what_it_takes(tmp_path: Path) -> None:
    data = build_model(None)
    (tmp_path / "vector.tflite").write_bytes(data)
    engine = FakeEngine(np.zeros((1, 3), np.float32), input_shape=(1, 3))
    repository = Repository(tmp_path, lambda *_: engine)
    repository.load("vector")
    refusal = (
        r"got vector, which computes tensors: expected an input .* got picture of shape \(1, 3\);"
        r' send \{"inputs"'
    )
    with pytest.raises(WrongTask, match=refusal):
        methods.preview(repository, ModelOptions(), IMAGE)
    with pytest.raises(WrongTask, match=refusal):
        methods.predict_picture(repository, "vector", "", IMAGE, PredictOptions())


@pytest.mark.parametrize("task", ["classify", "detect", "tensor"])
def test_every_model_computes_tensors(tmp_path: Path, task: str) -> None:
    repository = serve(tmp_path, "m", {"m": task})
    body = json.dumps({"inputs": {"picture": np.zeros((1, 32, 48, 3), int).tolist()}})
    source, answer = methods.predict(
        repository, "m", "", Payload(body.encode(), LIMIT), PredictOptions()
    )
    assert (source.model, list(answer.outputs)) == ("m", ["classes"])
    assert answer.to_event(answer.to_fields()) == {
        "shapes": {"classes": list(np.shape(answer.outputs["classes"]))}
    }


def test_a_description_says_what_is_known_and_nothing_else(tmp_path: Path) -> None:
    repository = serve(tmp_path, "names", {"names": "classify"}, load=False)
    (servable,) = repository.servables()
    assert methods.describe(servable, default=True, max_pixels=1).model_dump() == {
        "model": "names",
        "version": "1",
        "state": "START",
        "default": True,
        "task": "classify",
    }


def test_a_model_says_in_which_form_it_would_be_faster(tmp_path: Path) -> None:
    data = convolve(weights((8, 3, 3, 4), "uint8", scale=0.1, zero=128))
    (tmp_path / "m.tflite").write_bytes(data)
    repository = Repository(tmp_path, partial(open_fake, {data: "classify"}))

    def describe() -> Mapping[str, object]:
        (servable,) = repository.servables("m")
        return methods.describe(servable, default=True, max_pixels=LIMIT).model_dump()

    assert "advice" not in describe()
    repository.load("m")
    (advice,) = json.loads(json.dumps(describe()))["advice"]
    assert advice.keys() == {"reason", "to", "text", "cpu", "size", "measured"}
    assert (advice["reason"], advice["to"]) == ("INT8_FOR_UINT8", "int8")


def test_only_of_models_that_classify_is_said_which_form_would_be_faster(tmp_path: Path) -> None:
    data = convolve(weights((8, 3, 3, 4), "uint8", scale=0.1, zero=128))
    (tmp_path / "m.tflite").write_bytes(data)
    (tmp_path / "m.yaml").write_text("model: {path: m.tflite}\ntask: tensor\n")
    repository = Repository(tmp_path, partial(open_fake, {data: "tensor"}))
    repository.load("m")
    (servable,) = repository.servables("m")
    assert "advice" not in methods.describe(servable, default=True, max_pixels=LIMIT).model_dump()
