"""A version from its bytes to what answers: its task, its names, and why."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from unit.classify.color_graphs import remembering
from unit.classify.fake_engine import FakeEngine
from unit.classify.graphs import Node, answering, constant

from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Kind, Task, decode_card
from meshlens.classify.serving.opening import Loaded, open_model
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.detection.detector import Detector
from meshlens.classify.tasks.images.pixels import Image

SIDE = 64
PLACES = 8 * 8 + 4 * 4 + 2 * 2


def yolo(names: Mapping[int, str] | None) -> bytes:
    """A YOLO of two classes that sees the second one in the middle, packed as its exporter does."""
    table = np.zeros((1, 6, PLACES), np.float32)
    table[0, :, 3] = [0.5, 0.5, 0.5, 0.25, 0, 0.75]
    file = io.BytesIO(
        answering(constant("output0", table), image=Node("images", (1, SIDE, SIDE, 3)))
    )
    if names is not None:
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("metadata.json", json.dumps({"task": "detect", "names": names}))
    return file.getvalue()


def load(folder: Path, data: bytes, card: str = "{}", **beside: str) -> Loaded:
    def open_engine(kind: Kind, content: bytes, *_: object) -> Engine:
        assert kind is Kind.TFLITE
        return LiteRtEngine(content, workers=1)

    for name, text in beside.items():
        (folder / f"{name}.txt").write_text(text)
    path = folder / "m.tflite"
    source = Source("m", "1", (path,), decode_card(card.encode()), folder / "card.yaml")
    path.write_bytes(data)
    return open_model(source, data, open_engine, folder)


def test_a_yolo_with_the_names_its_exporter_packs_needs_no_card(tmp_path: Path) -> None:
    loaded = load(tmp_path, yolo({0: "cat", 1: "dog"}))
    assert loaded.chosen.task is Task.DETECT
    assert loaded.chosen.reason.startswith("served as a detector because its output is a YOLO's")
    assert isinstance(loaded.lens, Detector)
    (box,) = loaded.lens.detect(Image(np.zeros((SIDE, SIDE, 3), np.uint8), 200, 100))
    assert (box.label, box.x1, box.y1, box.x2, box.y2) == ("dog", 50, 37.5, 150, 62.5)


def test_a_label_file_in_the_card_replaces_the_names_in_the_file(tmp_path: Path) -> None:
    card = "output: {label: {path: own.txt}}"
    loaded = load(tmp_path, yolo({0: "cat", 1: "dog"}), card, own="chat\nchien\n")
    assert isinstance(loaded.lens, Detector)
    (box,) = loaded.lens.detect(Image(np.zeros((SIDE, SIDE, 3), np.uint8), 200, 100))
    assert box.label == "chien"


def test_one_that_may_be_something_else_is_served_as_tensors_and_says_so(tmp_path: Path) -> None:
    loaded = load(tmp_path, yolo(None))
    assert loaded.chosen.task is Task.TENSOR
    assert "got output0 of shape (1, 6, 84)" in loaded.chosen.reason


def test_names_of_another_count_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"expected 2 labels, one for each class .* got 3"):
        load(tmp_path, yolo({0: "cat", 1: "dog", 2: "owl"}), "task: detect")


def test_batching_is_refused_for_an_engine_that_gains_nothing_by_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="must be of a SavedModel or a frozen graph"):
        load(tmp_path, yolo(None), "batching: {}")


@pytest.mark.parametrize(
    "given", ["threshold: 0", "overlap: 1", "units: pixels", "columns: [y1, x1, y2, x2]"]
)
def test_a_card_that_gives_a_default_is_another_content_than_one_that_leaves_it_open(
    tmp_path: Path, given: str
) -> None:
    data = answering(
        constant("boxes", np.zeros((1, 4, 4))),
        constant("scores", np.zeros((1, 4))),
        image=Node("images", (1, SIDE, SIDE, 3)),
    )
    card = "task: detect\ndetection: {boxes: boxes, scores: scores, %s}"
    bare, full = load(tmp_path, data, card % "first_class: 0"), load(tmp_path, data, card % given)
    assert bare.content != full.content
    both = load(tmp_path, data, card % f"first_class: 0, {given}")
    assert both.content != bare.content
    assert load(tmp_path, data, card % given).content == full.content


def test_whether_answers_may_be_kept_is_what_the_file_says_unless_the_card_forbids_it(
    tmp_path: Path,
) -> None:
    data = yolo({0: "cat", 1: "dog"})
    assert load(tmp_path, data).unrepeatable == ""
    assert load(tmp_path, data, "cache: true").unrepeatable == ""
    assert load(tmp_path, data, "cache: false").unrepeatable == "its card says cache: false"


def test_a_card_cannot_make_a_model_that_keeps_a_state_one_that_does_not(
    tmp_path: Path,
) -> None:
    assert load(tmp_path, remembering(), "cache: true").unrepeatable == "it keeps a state"


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("", "its card does not say cache: true, and TensorFlow cannot tell"),
        ("cache: true", ""),
        ("cache: false", "its card says cache: false"),
    ],
)
def test_of_a_model_of_tensorflow_the_card_has_to_say_it(
    tmp_path: Path, card: str, reason: str
) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"graph")
    source = Source("m", "1", (path,), decode_card(f"task: tensor\n{card}".encode()))
    engine = FakeEngine(np.zeros((1, 3), np.float32))
    loaded = open_model(source, b"graph", lambda *_: engine, tmp_path)
    assert loaded.unrepeatable == reason
