"""What comes out of a model is read as what it is, or refused with the line that says it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from unit.classify.color_graphs import SIDE, Graph, remembering
from unit.classify.fake_engine import FakeEngine, opened
from unit.classify.pictures import encode

from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import Scores, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.formats.tflite_metadata import Metadata, Normalization
from meshlens.classify.serving.opening import decode_file
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.classification.classifier import Classifier, ClassifyOptions
from meshlens.classify.tasks.lens import Payload

COLORS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
NAMES = tuple(COLORS)
Build = Callable[[Graph], int]


def picture(name: str) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), COLORS[name], np.uint8)


def classifier(data: bytes, labels: tuple[str, ...] = (), card: str = "{}") -> Classifier:
    """The lens of a model, warmed up, as the service makes it."""
    content = decode_card(card.encode())
    source = Source("colors", "1", (Path("colors.tflite"),), content)
    engine, file = LiteRtEngine(data, workers=1), decode_file(source, data)
    lens = Classifier(opened(engine, file, labels, card=content))
    lens.warm_up()
    return lens


def made(build: Build) -> bytes:
    graph = Graph()
    return graph.finish(build(graph))


def best(lens: Classifier, name: str) -> tuple[str, float]:
    (label,) = lens.classify(picture(name), top_k=1)
    return label.label, round(label.probability, 2)


def softmax(graph: Graph) -> int:
    return graph.softmax(graph.channels())


def without_batch(graph: Graph) -> int:
    shape = graph.constant([3], "int32")
    return graph.apply("RESHAPE", [softmax(graph), shape], (3,))


def two_averaged(graph: Graph) -> int:
    both = graph.apply("ADD", [softmax(graph), softmax(graph)], (1, 3))
    return graph.apply("MUL", [both, graph.constant(0.5)], (1, 3))


def clipped(graph: Graph) -> int:
    low = graph.apply("MAXIMUM", [softmax(graph), graph.constant(1e-7)], (1, 3))
    return graph.apply("MINIMUM", [low, graph.constant(1 - 1e-7)], (1, 3))


def joined(graph: Graph) -> int:
    whole = softmax(graph)
    parts = [graph.part(whole, (0, at), (1, size)) for at, size in ((0, 2), (2, 1))]
    return graph.apply("CONCATENATION", parts, (1, 3))


def by_hand(graph: Graph) -> int:
    powers = graph.apply("EXP", [graph.channels()], (1, 3))
    total = graph.apply("SUM", [powers, graph.constant([1], "int32")], (1, 1))
    return graph.apply("DIV", [powers, total], (1, 3))


def log_softmax(graph: Graph) -> int:
    return graph.apply("LOG_SOFTMAX", [graph.channels()], (1, 3))


def mixed(graph: Graph) -> int:
    """Probabilities that no operator tells: a softmax times a matrix."""
    weights = graph.constant(np.eye(3))
    return graph.apply("BATCH_MATMUL", [softmax(graph), weights], (1, 3))


@pytest.mark.parametrize(
    "build",
    [
        softmax,
        without_batch,
        two_averaged,
        clipped,
        joined,
        by_hand,
        log_softmax,
        mixed,
        Graph.channels,
    ],
)
def test_a_picture_gets_the_same_probability_whatever_the_last_operators(build: Build) -> None:
    lens = classifier(made(build), NAMES)
    for name in NAMES:
        assert best(lens, name) == (name, 1)


def test_sigmoids_are_answered_as_they_are() -> None:
    data = made(lambda graph: graph.apply("LOGISTIC", [graph.channels()], (1, 3)))
    labels = classifier(data, NAMES).classify(np.full((SIDE, SIDE, 3), 200, np.uint8), top_k=3)
    assert [label.probability for label in labels] == pytest.approx([1, 1, 1], abs=1e-3)


def red(graph: Graph) -> int:
    return graph.part(graph.channels(), (0, 0), (1, 1))


def red_sigmoid(graph: Graph) -> int:
    return graph.apply("LOGISTIC", [red(graph)], (1, 1))


@pytest.mark.parametrize("build", [red, red_sigmoid])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [((), ("1", "0")), (("not red", "red"), ("red", "not red"))],
)
def test_one_number_is_the_probability_of_the_second_of_two(
    build: Build, labels: tuple[str, ...], expected: tuple[str, str]
) -> None:
    lens = classifier(made(build), labels)
    for name, label in zip(("red", "green"), expected, strict=True):
        assert best(lens, name) == (label, 1)


@pytest.mark.parametrize("build", [red, red_sigmoid])
def test_one_number_is_the_probability_of_a_single_label(build: Build) -> None:
    lens = classifier(made(build), ("red",))
    assert best(lens, "red") == ("red", 1)
    assert best(lens, "green") == ("red", 0)


def test_a_lone_logit_without_labels_is_told_as_assumed() -> None:
    assumed = classifier(made(red)).describe().output.assumed
    assert "logit of class 1; output: {type: logits}" in assumed
    assert classifier(made(red_sigmoid)).describe().output.assumed == ""


def brightness(graph: Graph) -> int:
    """A measure, 0 to 255."""
    axes = graph.constant([1, 2, 3], "int32")
    mean = graph.apply("MEAN", [graph.image, axes], (1,))
    return graph.apply("RESHAPE", [mean, graph.constant([1, 1], "int32")], (1, 1))


def argmax(graph: Graph) -> int:
    best_one = graph.apply("ARG_MAX", [graph.channels(), graph.constant(1, "int32")], (1,), "int64")
    return graph.apply("RESHAPE", [best_one, graph.constant([1, 1], "int32")], (1, 1), "int64")


def argmax_as_float(graph: Graph) -> int:
    return graph.apply("CAST", [argmax(graph)], (1, 1))


def embedding(graph: Graph) -> int:
    return graph.apply("L2_NORMALIZATION", [graph.channels()], (1, 3))


def percents(graph: Graph) -> int:
    return graph.apply("MUL", [softmax(graph), graph.constant(100)], (1, 3))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (brightness, "one number, which may be a logit or a measure"),
        (argmax, "the numbers of classes"),
        (argmax_as_float, "the numbers of classes"),
        (embedding, "3 reals without labels"),
        (Graph.channels, "3 reals without labels"),
        (percents, "numbers from"),
    ],
)
def test_what_is_no_classifier_is_refused_with_the_task_it_may_have(
    build: Build, reason: str
) -> None:
    with pytest.raises(InvalidModel, match=f"{reason}.*task: tensor"):
        classifier(made(build))


def test_a_sum_of_its_own_axis_is_refused() -> None:
    def over_another_axis(graph: Graph) -> int:
        column = graph.apply("RESHAPE", [graph.channels(), graph.constant([3, 1], "int32")], (3, 1))
        shares = graph.softmax(column, (3, 1))
        return graph.apply("RESHAPE", [shares, graph.constant([1, 3], "int32")], (1, 3))

    with pytest.raises(InvalidModel, match="a softmax with a sum of 3"):
        classifier(made(over_another_axis), NAMES)


def test_the_card_says_what_the_numbers_are() -> None:
    card = "output: {type: logits}"
    lens = classifier(made(Graph.channels), card=card)
    assert best(lens, "green") == ("1", 1)
    with pytest.raises(InvalidModel, match=r"numbers from .* output: \{type: logits\}"):
        classifier(made(Graph.channels), card="output: {type: probabilities}")


def test_an_output_that_the_card_names_is_judged_by_itself() -> None:
    graph = Graph()
    logits = graph.channels()
    data = graph.finish(graph.softmax(logits), logits)
    for place in range(2):
        (function,) = LiteRtEngine(data, workers=1).signatures.values()
        name = function.outputs[place].name
        lens = classifier(data, NAMES, f"output: {{name: {name}}}")
        assert best(lens, "blue") == ("blue", 1)


def test_a_picture_that_makes_nan_is_refused() -> None:
    def logarithm(graph: Graph) -> int:
        return graph.softmax(graph.apply("LOG", [graph.channels()], (1, 3)))

    lens = classifier(made(logarithm), NAMES)
    with pytest.raises(InvalidTensor, match="expected numbers from the model, got NaN"):
        best(lens, "red")


@pytest.mark.parametrize("dtype", ["complex64", "bool", "object"])
def test_an_output_of_no_numbers_is_refused(dtype: str) -> None:
    engine = FakeEngine(np.zeros((1, 3), dtype))
    with pytest.raises(InvalidModel, match=f"classes of shape .* and type {dtype}"):
        Classifier(opened(engine, ModelFile((), "", None)))


def test_integers_without_a_scale_are_refused() -> None:
    engine = FakeEngine(np.zeros((1, 3), np.int32))
    with pytest.raises(InvalidModel, match=r"integers of int32 .* output: \{type: logits\}"):
        Classifier(opened(engine, ModelFile((), "", None)))


# What the answer and the description say ----------------------------------------------------------


def answer(lens: Classifier, data: bytes) -> dict[str, Any]:
    return lens.answer(Payload(data, 1_000_000), ClassifyOptions()).to_fields()


def test_an_answer_says_how_the_picture_was_read_and_what_was_assumed() -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    data = encode(Image.new("RGB", (40, 20), COLORS["red"]), "JPEG", exif=exif)
    fields = answer(classifier(made(softmax), NAMES), data)
    assert fields["labels"][0]["label"] == "red"
    (assumed,) = fields["read"].pop("assumed")
    assert "pixels are from 0 to 255" in assumed
    assert fields["read"] == {"orientation": 6, "resized": "stretched"}


def test_an_answer_says_nothing_where_there_was_nothing_to_decide() -> None:
    data = encode(Image.new("RGB", (20, 20), COLORS["red"]))
    card = "normalization: {mean: 0, std: 1}"
    assert "read" not in answer(classifier(made(softmax), NAMES, card), data)


def test_a_description_says_what_pixels_and_numbers_are_taken_for() -> None:
    description = classifier(made(softmax), NAMES).describe()
    assert "pixels are from 0 to 255" in description.input.assumed
    assert "normalization: {mean: [127.5], std: [127.5]}" in description.input.assumed
    assert (description.output.type, description.output.assumed) == (Scores.PROBABILITIES, "")
    said = classifier(made(softmax), NAMES, "normalization: {mean: 127.5, std: 127.5}")
    assert said.describe().input.numbers == "(pixel - 127.5) / 127.5"
    assert said.describe().input.assumed == ""


def test_channels_may_come_first() -> None:
    graph = Graph((1, 3, SIDE, SIDE))
    order = graph.constant([0, 2, 3, 1], "int32")
    image = graph.apply("TRANSPOSE", [graph.image, order], (1, SIDE, SIDE, 3))
    lens = classifier(graph.finish(graph.softmax(graph.channels(image))), NAMES)
    assert [best(lens, name) for name in NAMES] == [(name, 1) for name in NAMES]
    assert lens.describe().input.layout == "nchw"


def test_a_model_of_several_pictures_at_once_answers_the_first() -> None:
    graph = Graph((4, SIDE, SIDE, 3))
    axes = graph.constant([1, 2], "int32")
    means = graph.apply("MEAN", [graph.image, axes], (4, 3))
    lens = classifier(graph.finish(graph.softmax(means, (4, 3))), NAMES)
    assert [best(lens, name) for name in NAMES] == [(name, 1) for name in NAMES]


def test_a_model_of_several_pictures_and_one_answer_is_refused() -> None:
    graph = Graph((4, SIDE, SIDE, 3))
    axes = graph.constant([0, 1, 2], "int32")
    mean = graph.apply("MEAN", [graph.image, axes], (3,))
    row = graph.apply("RESHAPE", [mean, graph.constant([1, 3], "int32")], (1, 3))
    with pytest.raises(InvalidModel, match=r"an output of shape \(4, classes\)"):
        classifier(graph.finish(graph.softmax(row)), NAMES)


def test_bytes_with_a_normalization_of_floats_get_the_pixels_as_they_are() -> None:
    quantized = (1 / 128, 128)
    graph = Graph(dtype="uint8", quantization=quantized)
    reals = graph.apply("DEQUANTIZE", [graph.image], (1, SIDE, SIDE, 3))
    means = graph.apply("MEAN", [reals, graph.constant([1, 2], "int32")], (1, 3))
    logits = graph.apply("MUL", [means, graph.constant(16)], (1, 3))
    metadata = Metadata(normalization=Normalization((0.0,), (1.0,)))
    data = graph.finish(graph.softmax(logits), metadata=metadata)
    lens = classifier(data, NAMES)
    assert [best(lens, name) for name in NAMES] == [(name, 1) for name in NAMES]
    assert lens.describe().input.numbers == "the pixels as they are"


def test_a_state_of_one_picture_does_not_reach_the_next() -> None:
    lens = classifier(remembering(), ("dark", "bright"), "normalization: {mean: 0, std: 255}")
    dark, bright = (np.full((SIDE, SIDE, 1), level, np.uint8) for level in (25, 230))
    for pixels, name in ((bright, "bright"), (dark, "dark"), (dark, "dark"), (bright, "bright")):
        (label,) = lens.classify(pixels, top_k=1)
        assert label.label == name
