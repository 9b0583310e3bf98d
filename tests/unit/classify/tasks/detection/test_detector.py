"""What a detector makes of pictures and of the tensors of its model."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pytest
from unit.classify.fake_engine import opened

from meshlens.classify.engines.engine import (
    DEFAULT_SIGNATURE,
    Quantization,
    Signature,
    Tensor,
    TensorSpec,
)
from meshlens.classify.errors import InvalidModel, InvalidOption
from meshlens.classify.formats.card import ModelCard, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import Detector
from meshlens.classify.tasks.images.pixels import Frame, Image

FILE = ModelFile((), "", None, probabilities=True)
CARD = """
input: {name: input, type: bgr32f}
constants: {min_size: 20, thresholds: [0.6, 0.7, 0.7]}
subject: face
task: detect
"""


class FakeModel:
    """Answers the same tensors whatever the picture, and keeps what it was given."""

    def __init__(self, *outputs: Tensor, shape: tuple[int, ...] = (-1, -1, 3)) -> None:
        self.inputs: tuple[TensorSpec, ...] = (
            TensorSpec("input", shape, np.dtype(np.float32)),
            TensorSpec("min_size", None, np.dtype(np.float32)),
            TensorSpec("thresholds", (3,), np.dtype(np.float32)),
        )
        names = ("box", "prob")[: len(outputs)]
        self.answers = dict(zip(names, outputs, strict=True))
        self.outputs: tuple[TensorSpec, ...] = tuple(
            TensorSpec(name, None, output.dtype) for name, output in self.answers.items()
        )
        self.signatures: Mapping[str, Signature] = {DEFAULT_SIGNATURE: self}
        self.seen: Mapping[str, Tensor] = {}

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.seen = tensors
        return self.answers

    def close(self) -> None:
        """Nothing to give back."""


def two_faces(shape: tuple[int, ...] = (-1, -1, 3)) -> FakeModel:
    """Boxes of y1, x1, y2, x2, the surer one last and beyond the border."""
    boxes = np.array([[1, 2, 3, 4], [10, 20, 30, 999]], np.float32)
    return FakeModel(boxes, np.array([0.75, 0.875], np.float32), shape=shape)


def detector(model: FakeModel, card: str = CARD) -> Detector:
    return Detector(opened(model, FILE, ("cat", "dog"), "face", decode_card(card.encode())))


def picture(width: int = 60, height: int = 40, scale: int = 1) -> Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = 200
    return Image(pixels, width * scale, height * scale)


def test_boxes_come_surest_first_and_within_the_picture() -> None:
    first, second = detector(two_faces()).detect(picture())
    assert first == Box("face", 0.875, 20, 10, 60, 30)
    assert second == Box("face", 0.75, 2, 1, 4, 3)


def test_boxes_of_a_picture_that_was_made_smaller_are_those_of_the_whole() -> None:
    _, box = detector(two_faces()).detect(picture(scale=3))
    assert (box.x1, box.y1, box.x2, box.y2) == (6, 3, 12, 9)


def test_the_model_gets_blue_first_floats_and_its_constants() -> None:
    model = two_faces()
    detector(model).detect(picture(), parameters={"min_size": (40,)})
    assert model.seen["input"].shape == (40, 60, 3)
    assert model.seen["input"].dtype == np.float32
    assert model.seen["input"][0, 0].tolist() == [0, 0, 200]
    assert model.seen["min_size"].shape == ()
    assert model.seen["min_size"] == 40
    assert model.seen["thresholds"].tolist() == pytest.approx([0.6, 0.7, 0.7])


def test_a_batch_of_one_is_made_for_a_model_that_wants_it() -> None:
    model = two_faces((1, 32, 48, 3))
    made = detector(model)
    assert made.frame == Frame(48, 32, 3, fixed=True)
    made.warm_up()
    assert model.seen["input"].shape == (1, 32, 48, 3)


def test_top_k_and_threshold_choose() -> None:
    made = detector(two_faces())
    assert [box.score for box in made.detect(picture(), top_k=1)] == [0.875]
    assert [box.score for box in made.detect(picture(), threshold=0.8)] == [0.875]
    assert made.detect(picture(), threshold=1.0) == ()
    assert len(detector(two_faces(), CARD + "detection: {threshold: 0.8}").detect(picture())) == 1


def test_one_output_may_hold_box_score_and_class_in_fractions() -> None:
    rows = np.array([[[0.1, 0.2, 0.5, 0.6, 0.9, 1], [0, 0, 1, 1, 0.3, 7]]], np.float32)
    card = CARD + "detection: {columns: [x1, y1, x2, y2, score, class], units: fractions}"
    first, second = detector(FakeModel(rows), card).detect(picture(100, 50))
    assert (first.label, second.label) == ("dog", "7")
    assert asdict(first) | {"score": 0} == {
        "label": "dog",
        "score": 0,
        "x1": 10,
        "y1": 10,
        "x2": 50,
        "y2": 30,
    }


def test_of_boxes_that_overlap_the_surest_of_each_class_is_answered() -> None:
    rows = np.array(
        [
            [0.00, 0, 0.50, 1, 0.7, 0],
            [0.01, 0, 0.51, 1, 0.9, 0],
            [0.02, 0, 0.52, 1, 0.8, 1],
            [0.50, 0, 1.00, 1, 0.6, 0],
        ],
        np.float32,
    )
    columns = "columns: [x1, y1, x2, y2, score, class], units: fractions"
    every = detector(FakeModel(rows), f"{CARD}detection: {{{columns}}}")
    some = detector(FakeModel(rows), f"{CARD}detection: {{{columns}, overlap: 0.5}}")
    assert len(every.detect(picture())) == 4
    told = [(box.label, round(box.score, 1)) for box in some.detect(picture())]
    assert told == [("cat", 0.9), ("dog", 0.8), ("cat", 0.6)]
    assert len(some.detect(picture(), top_k=2)) == 2


@pytest.mark.parametrize("shape", [(0, 4), (0,), (1, 0, 4)])
def test_no_boxes_are_no_boxes(shape: tuple[int, ...]) -> None:
    model = FakeModel(np.empty(shape, np.float32), np.empty(0, np.float32))
    assert detector(model).detect(picture()) == ()


def test_what_is_not_finite_is_no_box() -> None:
    boxes = np.array([[1, 2, np.nan, 4], [1, 2, 3, 4]], np.float32)
    assert detector(FakeModel(boxes, np.array([0.9, np.nan], np.float32))).detect(picture()) == ()


def test_quantized_outputs_are_made_real() -> None:
    model = FakeModel(np.array([[2, 4, 6, 8]], np.uint8), np.array([128], np.uint8))
    model.outputs = (
        TensorSpec("box", (1, 4), np.dtype(np.uint8), Quantization(0.5, 0)),
        TensorSpec("prob", (1,), np.dtype(np.uint8), Quantization(1 / 256, 0)),
    )
    assert detector(model).detect(picture()) == (Box("face", 0.5, 2, 1, 4, 3),)


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("task: detect", "constants.min_size"),
        (CARD.replace("[0.6, 0.7, 0.7]", "[0.6]"), "3 numbers, got 1"),
        (CARD.replace("min_size: 20", "min_size: [1, 2]"), "one number, got 2"),
        (CARD.replace("min_size: 20", "min_size: 20, size: 1"), "size is no further input"),
        (CARD.replace("bgr32f", "bgr8"), "the card says bgr8"),
        (CARD.replace("name: input", "name: picture"), "'picture'"),
        (CARD + "detection: {boxes: nope}", "'nope'"),
        (CARD + "detection: {scores: nope}", "'nope'"),
        (CARD + "detection: {columns: [y1, x1, y2, x2, class]}", "5 columns"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_by_what_does_not(card: str, named: str) -> None:
    with pytest.raises(InvalidModel, match=named):
        detector(two_faces(), card).warm_up()


@pytest.mark.parametrize(
    "columns", ["[x1]", "[x1, y1, x2, x2]", "[x1, y1, x2, y2, y2]", "[x1, y1, x2, left]"]
)
def test_columns_that_make_no_box_are_refused(columns: str) -> None:
    with pytest.raises(InvalidModel, match="columns"):
        decode_card(f"detection: {{columns: {columns}}}".encode())


@pytest.mark.parametrize("shape", [(-1, 10), (1, 32, 32, 1), (-1, 32, 3), ()])
def test_an_input_that_takes_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidModel, match=r"input|sides"):
        detector(two_faces(shape))


def test_an_option_for_an_input_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"factor .* min_size, thresholds"):
        detector(two_faces()).detect(picture(), parameters={"factor": (0.7,)})


def test_scores_of_another_count_than_boxes_are_refused() -> None:
    model = FakeModel(np.zeros((2, 4), np.float32), np.zeros(3, np.float32))
    with pytest.raises(InvalidModel, match="one score for each of 2 boxes, got 3"):
        detector(model).warm_up()


def test_a_card_that_says_nothing_of_detection_reads_two_outputs() -> None:
    part = ModelCard().detection
    assert [column.value for column in part.columns] == ["y1", "x1", "y2", "x2"]
