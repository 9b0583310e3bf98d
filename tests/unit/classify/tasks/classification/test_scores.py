"""What comes out of a model is read as what it is, or refused with the line that says it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from unit.classify.color_graphs import SIDE, Graph
from unit.classify.fake_engine import FakeEngine, opened

from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import Kind, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.serving.opening import open_model
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.classification.classifier import Classifier

COLORS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
NAMES = tuple(COLORS)
Build = Callable[[Graph], int]


def picture(name: str) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), COLORS[name], np.uint8)


def classifier(
    tmp_path: Path, data: bytes, labels: tuple[str, ...] = (), card: str = "{}"
) -> Classifier:
    """A model as the service opens it: from its file, its labels and its card."""
    path = tmp_path / "colors.tflite"
    path.write_bytes(data)
    if labels:
        (tmp_path / "labels.txt").write_text("\n".join(labels) + "\n")

    def open_engine(_: Kind, content: bytes, *__: object) -> Engine:
        return LiteRtEngine(content, workers=1)

    source = Source("colors", "1", (path,), decode_card(card.encode()), tmp_path / "card.yaml")
    lens = open_model(source, data, open_engine, tmp_path).lens
    assert isinstance(lens, Classifier)
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
def test_a_picture_gets_the_same_probability_whatever_the_last_operators(
    tmp_path: Path, build: Build
) -> None:
    lens = classifier(tmp_path, made(build), NAMES)
    for name in NAMES:
        assert best(lens, name) == (name, 1)


def test_sigmoids_are_answered_as_they_are(tmp_path: Path) -> None:
    data = made(lambda graph: graph.apply("LOGISTIC", [graph.channels()], (1, 3)))
    labels = classifier(tmp_path, data, NAMES).classify(
        np.full((SIDE, SIDE, 3), 200, np.uint8), top_k=3
    )
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
    tmp_path: Path, build: Build, labels: tuple[str, ...], expected: tuple[str, str]
) -> None:
    lens = classifier(tmp_path, made(build), labels)
    for name, label in zip(("red", "green"), expected, strict=True):
        assert best(lens, name) == (label, 1)


@pytest.mark.parametrize("build", [red, red_sigmoid])
def test_one_number_is_the_probability_of_a_single_label(tmp_path: Path, build: Build) -> None:
    lens = classifier(tmp_path, made(build), ("red",))
    assert best(lens, "red") == ("red", 1)
    assert best(lens, "green") == ("red", 0)


def test_a_lone_logit_without_labels_is_told_as_assumed(tmp_path: Path) -> None:
    assumed = classifier(tmp_path, made(red)).describe().output.assumed
    assert "logit of class 1; output: {type: logits}" in assumed
    assert classifier(tmp_path, made(red_sigmoid)).describe().output.assumed == ""


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
    tmp_path: Path, build: Build, reason: str
) -> None:
    with pytest.raises(InvalidModel, match=f"{reason}.*task: tensor"):
        classifier(tmp_path, made(build))


def test_a_sum_of_its_own_axis_is_refused(tmp_path: Path) -> None:
    def over_another_axis(graph: Graph) -> int:
        column = graph.apply("RESHAPE", [graph.channels(), graph.constant([3, 1], "int32")], (3, 1))
        shares = graph.softmax(column, (3, 1))
        return graph.apply("RESHAPE", [shares, graph.constant([1, 3], "int32")], (1, 3))

    with pytest.raises(InvalidModel, match="a softmax with a sum of 3"):
        classifier(tmp_path, made(over_another_axis), NAMES)


def test_the_card_says_what_the_numbers_are(tmp_path: Path) -> None:
    card = "output: {type: logits}"
    lens = classifier(tmp_path, made(Graph.channels), card=card)
    assert best(lens, "green") == ("1", 1)
    with pytest.raises(InvalidModel, match=r"numbers from .* output: \{type: logits\}"):
        classifier(tmp_path, made(Graph.channels), card="output: {type: probabilities}")


def test_an_output_that_the_card_names_is_judged_by_itself(tmp_path: Path) -> None:
    graph = Graph()
    logits = graph.channels()
    data = graph.finish(graph.softmax(logits), logits)
    for place in range(2):
        (function,) = LiteRtEngine(data, workers=1).signatures.values()
        name = function.outputs[place].name
        lens = classifier(tmp_path, data, NAMES, f"output: {{name: {name}}}")
        assert best(lens, "blue") == ("blue", 1)


def test_a_picture_that_makes_nan_is_refused(tmp_path: Path) -> None:
    def logarithm(graph: Graph) -> int:
        return graph.softmax(graph.apply("LOG", [graph.channels()], (1, 3)))

    lens = classifier(tmp_path, made(logarithm), NAMES)
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
