"""Which task a model gets: what its card says, else what its tensors are, with the reason."""

from collections.abc import Sequence

import numpy as np
import pytest
from unit.classify.fake_engine import opened
from unit.classify.graphs import Node, answering, constant

from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Task, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.choice import Choice, choose_task
from meshlens.classify.tasks.lens import OpenedModel

FILE = ModelFile((), "", None, probabilities=True)
SCORES = constant("scores", [[0.25, 0.75]])
BOXES = (
    constant("a", [[[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.9]]]),
    constant("b", [[2, 0]]),
    constant("c", [[0.9, 0.6]]),
    constant("d", [2]),
)


def model(
    *outputs: Node, image: Node | None = None, card: str = "", labels: Sequence[str] = ()
) -> OpenedModel:
    engine = LiteRtEngine(answering(*outputs, image=image), workers=1)
    return opened(engine, FILE, tuple(labels), "", decode_card(f"{{{card}}}".encode()))


def choose(made: OpenedModel, likely: Task = Task.CLASSIFY) -> Choice:
    return choose_task(made, made.card.task or likely)


def test_a_picture_in_and_one_number_per_class_out_is_a_classifier() -> None:
    choice = choose(model(SCORES))
    assert (choice.task, choice.reason) == (Task.CLASSIFY, "")


@pytest.mark.parametrize(
    ("image", "outputs", "reason"),
    [
        (Node("x", (1, 3)), (SCORES,), r"classifies pictures: .* got x of shape \(1, 3\)"),
        (None, (constant("mask", np.zeros((1, 4, 4, 2))),), r"got mask of shape \(1, 4, 4, 2\)"),
        (None, (constant("mask", np.zeros((1, 9, 3))),), r"got mask of shape \(1, 9, 3\)"),
    ],
)
def test_what_is_neither_classifier_nor_detector_is_served_as_tensors_with_the_reason(
    image: Node | None, outputs: tuple[Node, ...], reason: str
) -> None:
    choice = choose(model(*outputs, image=image))
    assert choice.task is Task.TENSOR
    with pytest.raises(AssertionError, match=f"served as tensors because it is no model.*{reason}"):
        raise AssertionError(choice.reason)


def test_a_model_that_no_file_or_card_suggests_to_classify_is_served_as_tensors() -> None:
    choice = choose(model(SCORES), Task.TENSOR)
    assert choice.task is Task.TENSOR
    assert choice.reason.startswith("served as tensors because neither a card nor its outputs")


def test_four_outputs_of_the_shapes_of_boxes_are_a_detectors() -> None:
    for likely in (Task.CLASSIFY, Task.TENSOR):
        choice = choose(model(*BOXES), likely)
        assert choice.task is Task.DETECT
        assert "shapes of boxes, classes, scores and a count" in choice.reason


def test_boxes_whose_scores_and_classes_cannot_be_told_apart_are_tensors_that_say_so() -> None:
    alike = (BOXES[0], constant("b", [[0, 0]]), constant("c", [[1, 0]]), BOXES[3])
    choice = choose(model(*alike))
    assert choice.task is Task.TENSOR
    assert "b, c may be scores or classes" in choice.reason
    assert "detection: {boxes: a, scores: b, classes: c}" in choice.reason


@pytest.mark.parametrize(
    ("card", "outputs"),
    [
        ("task: classify", BOXES),
        ("task: detect", (SCORES,)),
        ("detection: {format: ssd}", (SCORES,)),
        ("output: {label: {path: x.txt}}", (constant("mask", np.zeros((1, 4, 4, 2))),)),
    ],
)
def test_a_card_is_followed_or_refused(card: str, outputs: tuple[Node, ...]) -> None:
    with pytest.raises(InvalidModel):
        choose(model(*outputs, card=card))


def test_a_card_that_says_tensor_is_followed() -> None:
    choice = choose(model(SCORES, card="task: tensor"))
    assert (choice.task, choice.reason) == (Task.TENSOR, "")


def test_labels_that_do_not_fit_are_refused_and_not_served_without_names() -> None:
    with pytest.raises(InvalidModel, match="expected 2 labels, one for each class, got 3"):
        choose(model(SCORES, labels="abc"))


def test_a_card_about_an_input_that_takes_no_picture_is_refused() -> None:
    with pytest.raises(InvalidModel, match="the card says 8 x 8"):
        choose(model(constant("m", np.zeros((1, 4, 4, 2))), card="input: {size: 8}"))
