"""Cards: what is accepted, what is refused by name, and what a classifier makes of them."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.classify.fake_engine import FakeEngine, opened
from unit.classify.leases import lease_classifier
from unit.classify.models import build_model

from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidModel, ModelFailed
from meshlens.classify.formats.card import Kind, ModelCard, PixelType, Task, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.serving.repository import Repository
from meshlens.classify.storage.folder import find_models
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.images.pixels import Frame

SEED = b"""
file:
model:
  path: model.tflite
  type: tflite
input:
  name: picture
  size: [3, 2]
  type: rgb8
output:
  name: classes
  type: softmax
  label:
    path: labels.txt
  top: 3
"""
MODEL = build_model(None)
SHA256 = hashlib.sha256(MODEL).hexdigest()


def pair(*_: object) -> Engine:
    return FakeEngine(np.array([[0.4, 0.6]], np.float32))


def repository(folder: Path, card: str, labels: str = "cat\ndog\n") -> Repository:
    (folder / "model.tflite").write_bytes(MODEL)
    (folder / "labels.txt").write_text(labels)
    (folder / "pets.yaml").write_text(card)
    made = Repository(folder, pair)
    made.load("pets")
    return made


@pytest.mark.parametrize("word", ["model", "file"])
def test_a_card_of_the_simple_layout_says_what_it_says(word: str) -> None:
    card = decode_card(SEED.replace(b"file:\nmodel:", word.encode() + b":"))
    assert (card.model.path, card.model.type) == ("model.tflite", Kind.TFLITE)
    assert (card.input.name, card.input.size) == ("picture", (3, 2))
    assert card.input.type is PixelType.RGB8
    assert (card.output.label and card.output.label.path, card.output.top) == ("labels.txt", 3)


@pytest.mark.parametrize("name", ["rgb8", "rgb32f", "bgr8", "bgr32f", "luma8", "luma32f"])
def test_every_pixel_type_is_known(name: str) -> None:
    kind = decode_card(f"input: {{type: {name}}}".encode()).input.type
    assert kind is not None
    assert kind.channels == (1 if name.startswith("luma") else 3)
    assert kind.floats == name.endswith("32f")
    assert kind.blue_first == name.startswith("bgr")


def test_a_card_may_say_more() -> None:
    card = decode_card(
        f"name: pets\nversion: 3\ntask: tensor\nsignature: other\nsubject: pet\n"
        f"source: {{uri: https://example.com/a.tflite, sha256: {SHA256}}}\n"
        "normalization: {mean: 127.5, std: [127.5]}\n".encode()
    )
    assert (card.name, card.version, card.task, card.signature) == ("pets", 3, Task.TENSOR, "other")
    assert card.normalization is not None
    assert card.normalization.mean == (127.5,)
    assert card.source.sha256 == SHA256


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("", "NoneType"),
        ("- a", "list"),
        ("a: [", "YAML"),
        ("modell: {}", "modell"),
        ("model: {path: a, typ: tflite}", "typ"),
        ("model: {type: onnx}", "onnx"),
        ("input: {type: rgb16}", "rgb16"),
        ("input: {size: [0, 2]}", "size must be positive"),
        ("output: {top: 0}", "output.top"),
        ("version: -1", "version"),
        ("version: two", "two"),
        ("task: guess", "guess"),
        ("source: {uri: 'http://example.com/a'}", "source.uri"),
        ("source: {uri: 'dapr://state/store'}", "source.uri"),
        ("source: {uri: 'dapr://secrets/store/key'}", "source.uri"),
        ("source: {uri: 'dapr://state/store/key'}", "needs the sha256"),
        ("source: {sha256: abc}", "sha256"),
        ("source: {uri: 'http://example.com/a'}", "uri"),
        ("name: ../a", "name"),
    ],
)
def test_a_mistake_in_a_card_is_named(card: str, named: str) -> None:
    with pytest.raises(InvalidModel, match=named) as fault:
        decode_card(card.encode())
    assert "; " in str(fault.value)


@pytest.mark.parametrize(
    "card",
    [
        "source: {uri: 'http://me:swordfish@host/a'}",
        "source: {uri: 'dapr://state/store/swordfish'}",
        "source: {uri: 'https://me:sword/swordfish@host/a'}",
        "source: {uri: 'https://me:swordfish@[host/a'}",
        "source: {uri: ['https://me:swordfish@host/a']}",
        "source: 'https://me:swordfish@host/a'",
        "source: {url: 'https://me:swordfish@host/a'}",
        "source: {uri: 'https://me:swordfish@host/a}",
        "source: {uri: https://host/a?sig=swordfish, }}",
    ],
)
def test_a_mistake_beside_an_address_shows_nothing_of_it(card: str) -> None:
    with pytest.raises(InvalidModel) as fault:
        decode_card(card.encode())
    assert "swordfish" not in str(fault.value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_card_or_refused(data: bytes) -> None:
    try:
        assert isinstance(decode_card(data), ModelCard)
    except InvalidModel as error:
        assert len(str(error)) < 5000  # noqa: PT017 - either outcome is right


def test_a_card_names_its_model_and_its_labels(tmp_path: Path) -> None:
    source, classifier = lease_classifier(
        repository(tmp_path, SEED.decode().replace("file:\n", "")), "pets"
    )
    assert (source.model, source.version) == ("pets", "1")
    assert classifier.labels == ("cat", "dog")
    assert [found.model for found in find_models(tmp_path)] == ["pets"]


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("model: {path: nope.tflite}", r"nope\.tflite cannot be read: No such file"),
        ("model: {path: ../model.tflite}", "inside the repository"),
        ("model: {path: /etc/passwd}", "inside the repository"),
        ("model: {path: model.tflite}\noutput: {label: nope.txt}", r"nope\.txt cannot be read"),
        ("model: {path: model.tflite}\noutput: {label: ../x.txt}", "inside the repository"),
        (f"model: {{path: model.tflite}}\nsource: {{sha256: {'ab' * 32}}}", SHA256),
        ("model: {path: model.tflite}\nsignature: nope", "serving_default"),
        ("model: {path: model.tflite}\ninput: {name: nope}", "nope"),
        ("model: {path: model.tflite}\ninput: {size: 5}", "3 x 2 pixels, the card says 5 x 5"),
        ("model: {path: model.tflite}\ninput: {type: rgb32f}", "the card says rgb32f"),
        ("model: {path: model.tflite}\ninput: {type: luma8}", "the card says luma8"),
        ("modell: {path: model.tflite}", "modell"),
    ],
)
def test_what_a_card_gets_wrong_fails_its_model_by_name(
    tmp_path: Path, card: str, named: str
) -> None:
    with pytest.raises(ModelFailed, match=named):
        lease_classifier(repository(tmp_path, card), "pets")


def test_a_wrong_number_of_labels_fails_the_model(tmp_path: Path) -> None:
    card = "model: {path: model.tflite}\noutput: {label: labels.txt}"
    with pytest.raises(ModelFailed, match="expected 2 labels, one for each class, got 3"):
        lease_classifier(repository(tmp_path, card, "a\nb\nc\n"), "pets")


def test_a_bad_card_beside_a_good_model_harms_nobody_else(tmp_path: Path, models: Path) -> None:
    (tmp_path / "digits").symlink_to(models / "digits")
    (tmp_path / "bad.yaml").write_text("a: [")
    made = Repository(tmp_path, partial(open_engine, workers=1))
    for name in ("bad", "digits"):
        made.load(name)
    assert made.default == "digits"
    assert lease_classifier(made)[1].subject == "digit"
    with pytest.raises(ModelFailed, match="YAML"):
        lease_classifier(made, "bad")


def test_blue_comes_first_where_the_card_says_so() -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32))
    file = ModelFile((), "", None, probabilities=True)
    card = decode_card(b"input: {type: bgr8}")
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    Classifier(opened(engine, file, card=card)).classify(pixels, top_k=1)
    assert engine.seen is not None
    np.testing.assert_array_equal(engine.seen[0], pixels[:, :, ::-1])


def test_a_model_that_takes_any_size_gets_the_cards() -> None:
    engine = FakeEngine(np.array([[1.0]], np.float32), input_shape=(-1, -1, -1, 3))
    file = ModelFile((), "", None, probabilities=True)
    with pytest.raises(InvalidModel, match=r"say input\.size and input\.type in a card"):
        Classifier(opened(engine, file))
    classifier = Classifier(opened(engine, file, card=decode_card(b"input: {size: [4, 5]}")))
    assert classifier.frame == Frame(4, 5, 3)
    classifier.warm_up()
    assert engine.seen is not None
    assert engine.seen.shape == (1, 5, 4, 3)
