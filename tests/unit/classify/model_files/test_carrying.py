"""A converted model is shown pictures as the old one was, whatever of it the old file said."""

from pathlib import Path

import numpy as np
import pytest
from unit.classify.fake_engine import FakeEngine

from meshlens.classify.engines.engine import Quantization, TensorSpec
from meshlens.classify.formats.card import decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.model_files.carrying import carry_card, name_tensors, write_beside
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import OpenedModel

SCORES = np.array([[0.25, 0.75]], np.float32)


def opened(
    card: str = "{}",
    *,
    dtype: str = "float32",
    scale: Quantization | None = None,
    normalization: Normalization | None = None,
    labels: tuple[str, ...] = (),
) -> OpenedModel:
    engine = FakeEngine(SCORES, input_shape=(1, 8, 8, 3), input_dtype=dtype)
    engine.inputs = (TensorSpec("picture", (1, 8, 8, 3), np.dtype(dtype), scale),)
    file = ModelFile(labels, "thing", normalization, probabilities=True)
    return OpenedModel("m", engine, file, decode_card(card.encode()))


def carried(model: OpenedModel) -> dict[str, object]:
    return carry_card(model, Classifier(model))


@pytest.mark.parametrize(
    ("model", "mean", "std"),
    [
        (opened(), 0.0, 1.0),
        (opened(normalization=Normalization((127.5,), (127.5,))), 127.5, 127.5),
        (opened("normalization: {mean: [10], std: [20]}"), 10.0, 20.0),
        (opened(dtype="uint8", scale=Quantization(0.5, 128)), 128.0, 2.0),
        (opened(dtype="int8", scale=Quantization(0.5, -1)), 127.0, 2.0),
        (opened(dtype="uint8"), 0.0, 1.0),
    ],
    ids=["none", "of-the-file", "of-the-card", "of-the-scale", "signed", "pixels"],
)
def test_the_numbers_of_pixels_stay_what_they_were(
    model: OpenedModel, mean: float, std: float
) -> None:
    assert carried(model)["normalization"] == {
        "mean": [pytest.approx(mean)],
        "std": [pytest.approx(std)],
    }


def test_what_a_card_says_of_pictures_and_labels_is_kept() -> None:
    card = """
        input: {type: bgr8, resize: crop, resampling: bicubic, name: picture}
        output: {top: 3, name: classes, label: {path: names.txt}}
        version: 7
        source: {uri: "https://example.org/m.tflite"}
        signature: serving_default
        model: {path: m.tflite, type: tflite}
    """
    model = opened(card, dtype="uint8", labels=("a", "b"))
    assert carried(model) == {
        "task": "classify",
        "subject": "thing",
        "output": {"type": "probabilities", "label": {"path": "labels.json"}, "top": 3},
        "normalization": {"mean": [0.0], "std": [1.0]},
        "input": {"resize": "crop", "resampling": "bicubic", "type": "bgr32f"},
    }
    assert carried(opened("cache: false"))["cache"] is False
    named = decode_card(str(name_tensors(carried(model), model)).encode())
    assert (named.signature, named.input.name, named.output.name) == (
        *("serving_default", "picture", "classes"),
    )
    assert "signature" not in name_tensors(carried(opened()), opened())


def test_the_card_and_the_labels_are_files_beside(tmp_path: Path) -> None:
    labels = ("0 zero", "1 one", "crane, a bird", "Käfer")
    content = write_beside(tmp_path, {"subject": "thing"}, labels)
    assert decode_card(content).subject == "thing"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.yaml", "labels.json"]
