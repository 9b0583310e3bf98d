"""A model's numbers become labels with probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from unit.classify.fake_engine import FakeEngine, opened

from meshlens.classify.engines.engine import Quantization, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.images.pixels import Frame

PIXELS = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def describe(*labels: str, probabilities: bool = True, subject: str = "") -> ModelFile:
    return ModelFile(labels, subject, None, probabilities)


def test_the_most_probable_labels_come_first() -> None:
    engine = FakeEngine(np.array([[0.1, 0.6, 0.3]], np.float32))
    labels = Classifier(opened(engine, describe("a", "b", "c"))).classify(PIXELS, top_k=2)
    assert [(label.index, label.label) for label in labels] == [(1, "b"), (2, "c")]
    assert [label.probability for label in labels] == pytest.approx([0.6, 0.3])


def test_equals_stand_in_the_order_of_their_indices() -> None:
    engine = FakeEngine(np.array([[0.2, 0.3, 0.2, 0.3]], np.float32))
    labels = Classifier(opened(engine, describe())).classify(PIXELS, top_k=4)
    assert [label.index for label in labels] == [1, 3, 0, 2]


def test_more_labels_than_there_are_is_all_of_them() -> None:
    engine = FakeEngine(np.array([[0.4, 0.6]], np.float32))
    assert len(Classifier(opened(engine, describe())).classify(PIXELS, top_k=1000)) == 2


def test_quantized_numbers_become_probabilities() -> None:
    engine = FakeEngine(np.array([[-128, 127]], np.int8), quantization=Quantization(1 / 256, -128))
    labels = Classifier(opened(engine, describe())).classify(PIXELS, top_k=2)
    assert [label.probability for label in labels] == [255 / 256, 0.0]


@given(arrays(np.float32, (1, 7), elements=st.integers(-100, 100)))
def test_scores_become_a_distribution_in_the_same_order(scores: NDArray[np.float32]) -> None:
    classifier = Classifier(opened(FakeEngine(scores), describe(probabilities=False)))
    labels = classifier.classify(PIXELS, top_k=7)
    assert sum(label.probability for label in labels) == pytest.approx(1)
    assert [scores[0, label.index] for label in labels] == sorted(scores[0], reverse=True)


@pytest.mark.parametrize("shape", [(1, 2, 3, 3), (-1, 2, 3, 3)])
def test_a_quantized_picture_goes_in_as_it_is(shape: tuple[int, ...]) -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32), input_shape=shape)
    classifier = Classifier(opened(engine, describe()))
    classifier.classify(PIXELS, top_k=1)
    assert classifier.frame == Frame(width=3, height=2, channels=3)
    assert engine.seen is not None
    assert np.shares_memory(engine.seen, PIXELS)
    assert engine.seen.shape == (1, 2, 3, 3)


@pytest.mark.parametrize("shape", [(1, 2, 3), (1, 2, 3, 1)])
def test_a_model_of_gray_may_have_an_axis_of_channels_or_none(shape: tuple[int, ...]) -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32), input_shape=shape)
    classifier = Classifier(opened(engine, describe()))
    classifier.classify(PIXELS[:, :, :1], top_k=1)
    assert classifier.frame == Frame(width=3, height=2, channels=1)
    assert engine.seen is not None
    assert engine.seen.shape == shape


def test_a_model_without_labels_counts_its_classes() -> None:
    engine = FakeEngine(np.array([[0.4, 0.6]], np.float32))
    assert Classifier(opened(engine, describe())).labels == ("0", "1")


def test_labels_beside_a_model_serve_one_that_has_none() -> None:
    engine = FakeEngine(np.array([[0.4, 0.6]], np.float32))
    assert Classifier(opened(engine, describe(), ("cat", "dog"))).labels == ("cat", "dog")
    assert Classifier(opened(engine, describe("a", "b"), ("cat", "dog"))).labels == ("a", "b")


def test_what_the_pictures_show_is_an_object_unless_somebody_says() -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32))
    assert Classifier(opened(engine, describe())).subject == "object"
    assert Classifier(opened(engine, describe(), subject="bird")).subject == "bird"
    assert Classifier(opened(engine, describe(subject="digit"), subject="bird")).subject == "digit"


def test_a_wrong_number_of_labels_is_refused() -> None:
    engine = FakeEngine(np.array([[0.4, 0.6]], np.float32))
    with pytest.raises(InvalidModel, match="expected 2 labels, one for each class, got 3"):
        Classifier(opened(engine, describe("a", "b", "c")))


@pytest.mark.parametrize("shape", [(), (1,), (1, 10), (1, 0, 3, 3), (1, -1, -1, 3)])
def test_an_input_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32), input_shape=shape)
    with pytest.raises(InvalidModel, match="expected an input of shape"):
        Classifier(opened(engine, describe()))


@pytest.mark.parametrize("shape", [(), (1, 0), (5, 4), (1, 7, 7, 2)])
def test_an_output_that_is_no_class_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidModel, match="expected an output of shape"):
        Classifier(opened(FakeEngine(np.zeros(shape, np.float32)), describe()))


def test_several_inputs_are_refused() -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32))
    engine.inputs += (TensorSpec("size", (1,), np.dtype("f4")),)
    with pytest.raises(InvalidModel, match="one input, got 2"):
        Classifier(opened(engine, describe()))
