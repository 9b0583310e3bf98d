"""The shipped models and real ones name what they have never seen."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_digits
from unit.classify.leases import lease_classifier
from unit.classify.pictures import LIMIT, encode

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.serving.repository import Repository
from meshlens.classify.tasks.classification.classifier import Classifier, ClassifyOptions
from meshlens.classify.tasks.lens import Payload

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
# Every fifth of scikit-learn's digits was held out of the training.
HELD_OUT = slice(None, None, 5)
OBJECTS_SHA256 = "835d6c977d1bb53b11ddd6aae5a8aeeac8b8639cfcd0c550da70502b5f4cb9cd"


def load(folder: Path, name: str) -> Classifier:
    repository = Repository(folder, partial(open_engine, workers=1), default=name)
    repository.load(name)
    return lease_classifier(repository)[1]


@pytest.fixture(scope="module")
def reader(models: Path) -> Classifier:
    return load(models, "digits")


def name(classifier: Classifier, picture: bytes) -> str:
    return classifier.answer(Payload(picture, LIMIT), ClassifyOptions()).labels[0].label


@pytest.mark.slow
@pytest.mark.parametrize("invert", [False, True], ids=["light on dark", "dark on light"])
def test_digits_that_were_held_out_are_read(reader: Classifier, *, invert: bool) -> None:
    digits = load_digits()
    right = []
    for image, target in zip(digits.images[HELD_OUT], digits.target[HELD_OUT], strict=True):
        picture = Image.fromarray((image * 255 / 16).round().astype(np.uint8))
        picture = picture.resize((128, 128), Image.Resampling.BICUBIC)
        file = encode(ImageOps.invert(picture) if invert else picture)
        right.append(name(reader, file) == str(target))
    assert len(right) == 360
    assert np.mean(right) >= 0.97


@pytest.mark.parametrize("digit", range(10))
def test_the_samples_are_read(reader: Classifier, digit: int) -> None:
    assert name(reader, (SAMPLES / f"digit-{digit}.png").read_bytes()) == str(digit)


def test_digits_is_small_and_describes_itself(reader: Classifier, digits: bytes) -> None:
    assert len(digits) < 100_000
    assert reader.labels == tuple("0123456789")
    assert reader.subject == "digit"


@pytest.mark.parametrize(
    ("photo", "label", "probability"),
    [("coffee", "espresso", 0.91), ("camera", "tripod", 0.95), ("chelsea", "Egyptian cat", 0.80)],
)
def test_photos_are_named_by_the_default_model(
    models: Path, photo: str, label: str, probability: float
) -> None:
    repository = Repository(models, partial(open_engine, workers=1))
    repository.load(repository.default)
    _, classifier = lease_classifier(repository)
    data = (SAMPLES / f"{photo}.jpg").read_bytes()
    top = classifier.answer(Payload(data, LIMIT), ClassifyOptions()).labels[0]
    assert top.label == label
    # Kernels differ between processors.
    assert top.probability == pytest.approx(probability, abs=0.15)


def test_the_model_of_objects_describes_itself_and_is_the_one_that_was_measured(
    models: Path,
) -> None:
    file = models / "objects/1/objects.tflite"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == OBJECTS_SHA256
    classifier = load(models, "objects")
    assert len(set(classifier.labels)) == 1000
    assert {"tench", "crane (bird)", "crane (machine)", "tank suit"} < set(classifier.labels)
    assert classifier.subject == "object"
    described = classifier.describe()
    assert (described.input.assumed, described.output.assumed) == ("", "")


def test_the_notice_travels_with_the_models(models: Path) -> None:
    notice = (models / "NOTICE").read_text()
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in notice
    assert "Copyright (c) 2020, ML Illustrated" in notice


@pytest.mark.parametrize(
    ("model", "picture", "index", "label", "probability"),
    [
        ("mobilenet_v2", "grace_hopper", 653, "military uniform", 0.92),
        ("mobilenet_v2", "food", 935, "hotdog, hot dog, red hot", 0.92),
        ("aiy_birds_v1", "purple_gallinule", 576, "Porphyrio martinicus", 0.85),
    ],
)
def test_real_models_name_real_pictures(
    shared: Path, model: str, picture: str, index: int, label: str, probability: float
) -> None:
    classifier = load(shared / "models", model)
    data = (shared / f"images/{picture}.jpg").read_bytes()
    top = classifier.answer(Payload(data, LIMIT), ClassifyOptions()).labels[0]
    assert (top.index, top.label) == (index, label)
    assert top.probability == pytest.approx(probability, abs=0.01)
