"""What a shadow is asked for tensors and pictures that came by another server's protocol."""

import hashlib
import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from unit.classify.graphs import Graph as Drawn
from unit.classify.graphs import Node, Step, answering, build_binary, build_graphs, constant

from meshlens.classify.engines.engine import Tensor
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidModel, InvalidOption, InvalidTensor
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.repository import Repository
from meshlens.classify.shadows.asking import SentTensors, ask_sent
from meshlens.classify.tasks.tensors.predictor import PredictOptions, TensorsAnswer

A, B = np.array([1, 2], np.int32), np.array([3, 4], np.int32)
NO_PICTURES: tuple[bytes, ...] = ()


def texts(*values: bytes) -> Tensor:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def sent(*pictures: bytes, **tensors: Tensor) -> SentTensors:
    return SentTensors(tensors, pictures, 10**6)


def paint(shade: int, width: int = 32) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 24), (shade, shade, shade)).save(file, "PNG")
    return file.getvalue()


@contextmanager
def opened(folder: Path, data: bytes) -> Iterator[Loaded]:
    (folder / "m.tflite").write_bytes(data)
    (folder / "m.yaml").write_text("{model: {path: m.tflite}, task: tensor}")
    repository = Repository(folder, partial(open_engine, workers=1))
    repository.load("m", "1")
    with repository.lease("m") as servable:
        assert servable.loaded
        yield servable.loaded
    repository.unload("m", "1")


def outputs(loaded: Loaded, payload: SentTensors, signature: str = "") -> dict[str, Any]:
    # As it comes out of a process of its own.
    there = pickle.loads(pickle.dumps((ask_sent, payload)))  # noqa: S301 - its own bytes
    answer = there[0](loaded, there[1], PredictOptions(signature=signature))
    assert isinstance(answer, TensorsAnswer)
    again: TensorsAnswer = pickle.loads(pickle.dumps(answer))  # noqa: S301 - likewise
    assert again.shapes == {name: list(array.shape) for name, array in answer.outputs.items()}
    return again.outputs


def test_tensors_are_known_by_their_bytes_and_pictures_by_theirs() -> None:
    assert sent(a=A, b=B).data == A.tobytes() + B.tobytes()
    assert sent(a=A.reshape(1, 2).T).data == A.tobytes()
    assert sent(t=texts(b"ab", b"")).data == b"\2\0\0\0ab\0\0\0\0"
    picture = paint(9)
    assert hashlib.sha256(sent(picture).data).digest() == hashlib.sha256(picture).digest()
    assert sent(picture, b"more").data == picture + b"more"


def test_tensors_are_given_to_the_model_as_they_are(tmp_path: Path) -> None:
    with opened(tmp_path, build_binary("ADD")) as loaded:
        assert outputs(loaded, sent(b=B, a=A))["c"].tolist() == [4, 6]


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": A},
        {"a": A, "b": B, "c": B},
        {"a": A, "b": B.astype(np.float32)},
        {"a": A, "b": B.reshape(1, 2)},
        {"a": A, "b": np.array([1, 2, 3], np.int32)},
    ],
)
def test_tensors_of_another_model_are_refused(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    with opened(tmp_path, build_binary("ADD")) as loaded, pytest.raises(InvalidTensor):
        ask_sent(loaded, sent(**tensors), PredictOptions())


def test_a_function_or_a_picture_that_the_model_does_not_take_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, build_binary("ADD")) as loaded:
        with pytest.raises(InvalidOption, match="signatures"):
            ask_sent(loaded, sent(a=A, b=B), PredictOptions(signature="other"))
        with pytest.raises(InvalidModel, match="one input"):
            ask_sent(loaded, sent(paint(1)), PredictOptions())


def test_pictures_become_what_the_model_takes(tmp_path: Path) -> None:
    steps = [Step("SUM", ("image", "axes"), ("y",))]
    nodes = [
        Node("image", (-1, 8, 8, 3)),
        constant("axes", [1, 2, 3], "int32"),
        Node("y", (-1,)),
    ]
    data = build_graphs(Drawn(nodes, steps, ["image"], ["y"]))
    with opened(tmp_path, data) as loaded:
        assert outputs(loaded, sent(paint(1)))["y"].tolist() == [192]
        assert outputs(loaded, sent(paint(1), paint(2)))["y"].tolist() == [192, 384]
        pixels = np.ones((1, 8, 8, 3), np.float32)
        assert outputs(loaded, sent(image=pixels))["y"].tolist() == [192]
    fixed = answering(constant("scores", [[1.0]]), image=Node("image", (1, 8, 8, 3)))
    with opened(tmp_path, fixed) as loaded, pytest.raises(InvalidTensor):
        ask_sent(loaded, sent(paint(1), paint(2)), PredictOptions())


def test_pictures_of_which_a_model_makes_no_one_tensor_are_refused(tmp_path: Path) -> None:
    steps = [Step("SUM", ("image", "axes"), ("y",))]
    nodes = [
        Node("image", (-1, -1, -1, 3)),
        constant("axes", [1, 2, 3], "int32"),
        Node("y", (-1,)),
    ]
    with opened(tmp_path, build_graphs(Drawn(nodes, steps, ["image"], ["y"]))) as loaded:
        assert outputs(loaded, sent(paint(1), paint(2)))["y"].tolist() == [2304, 4608]
        with pytest.raises(InvalidTensor, match="of one shape for all pictures"):
            ask_sent(loaded, sent(paint(1), paint(1, width=33)), PredictOptions())
