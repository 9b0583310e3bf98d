"""How a detector's outputs are read: by operator, names, shapes, values and card, or refused."""

from collections.abc import Mapping
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from unit.classify.fake_engine import FakeEngine, opened
from unit.classify.graphs import Graph, Node, Step, answering, build_graphs, constant

from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.classify.formats.labels import InvalidLabels
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.formats.tflite_operators import find_post_process
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import Detector
from meshlens.classify.tasks.detection.reading import recognise_detector
from meshlens.classify.tasks.images.pixels import Image
from meshlens.classify.tasks.lens import OpenedModel

FILE = ModelFile((), "", None, probabilities=True)
LABELS = ("cat", "dog", "owl")
PICTURE = Image(np.zeros((16, 16, 3), np.uint8), 200, 100)

SSD = {
    "boxes": [[[0.1, 0.2, 0.5, 0.6], [0.25, 0.25, 0.75, 1.0], [0, 0, 1, 1]]],
    "classes": [[2, 0, 0]],
    "scores": [[0.9, 0.6, 0.0]],
    "count": [2],
}
FOUND = (Box("owl", 0.9, 40, 10, 120, 50), Box("cat", 0.6, 50, 25, 200, 75))


def detector(made: bytes, card: str = "task: detect", labels: tuple[str, ...] = LABELS) -> Detector:
    return Detector(model(made, card, labels))


def model(made: bytes, card: str = "", labels: tuple[str, ...] = LABELS) -> OpenedModel:
    engine, read = LiteRtEngine(made, workers=1), decode_card(f"{{{card}}}".encode())
    return OpenedModel("m", engine, FILE, read, labels, "thing", find_post_process(made))


def ssd(order: tuple[str, ...], names: Mapping[str, str] | None = None) -> bytes:
    nodes = [constant((names or {}).get(what, what), SSD[what]) for what in order]
    return answering(*nodes)


def found(made: bytes, card: str = "task: detect") -> tuple[Box, ...]:
    boxes = detector(made, card).detect(PICTURE, threshold=0.5)
    return tuple(Box(b.label, round(b.score, 3), b.x1, b.y1, b.x2, b.y2) for b in boxes)


@pytest.mark.parametrize("order", [*permutations(SSD)])
def test_four_outputs_are_told_apart_in_any_order(order: tuple[str, ...]) -> None:
    assert found(ssd(order)) == FOUND


def test_four_outputs_without_names_are_told_apart_by_their_values() -> None:
    plain = {what: f"StatefulPartitionedCall:{place}" for place, what in enumerate(SSD)}
    for order in permutations(SSD):
        assert found(ssd(order, plain)) == FOUND


def test_names_of_a_signature_tell_more_than_those_of_the_graph() -> None:
    alike = {**SSD, "classes": [[1, 0, 0]], "scores": [[1, 1, 0]]}
    nodes = [constant(f"Identity_{place}", value) for place, value in enumerate(alike.values())]
    names = {f"Identity_{place}": what for place, what in enumerate(alike)}
    with pytest.raises(InvalidModel, match="Identity_1, Identity_2 may be scores or classes"):
        detector(answering(*nodes))
    assert [box.label for box in found(answering(*nodes, signature="f", names=names))] == [
        "dog",
        "cat",
    ]


def test_outputs_that_the_card_names_are_taken_as_it_says() -> None:
    names = {"boxes": "a", "classes": "b", "scores": "c", "count": "d"}
    every = "task: detect, detection: {boxes: a, classes: b, scores: c, count: d}"
    some = "task: detect, detection: {boxes: a, scores: c, units: fractions}"
    for order in permutations(SSD):
        assert found(ssd(order, names), every) == FOUND
        assert found(ssd(order, names), some) == FOUND


def test_scores_above_1_are_refused_with_the_line_for_the_card() -> None:
    wrong = "task: detect, detection: {boxes: boxes, scores: classes}"
    with pytest.raises(InvalidModel, match=r"scores must be from 0 to 1, got 2 \(boxes .*classes"):
        detector(ssd(tuple(SSD)), wrong).warm_up()


def test_classes_that_are_no_whole_numbers_are_refused() -> None:
    made = answering(
        *(constant(what, value) for what, value in SSD.items() if what != "classes"),
        constant("numbers", [[0.5, 0.25, 0]]),
    )
    card = "task: detect, detection: {classes: numbers}"
    with pytest.raises(InvalidModel, match=r"classes must be whole numbers from 0, got 0\.5"):
        detector(made, card).warm_up()


@pytest.mark.parametrize(
    ("labels", "card", "names"),
    [
        (("cat", "dog", "owl"), "", ["owl", "cat"]),
        (("???", "cat", "dog", "owl"), "", ["owl", "cat"]),
        (("background", "cat", "dog", "owl"), "", ["owl", "cat"]),
        (("cat", "dog", "owl"), "first_class: 2", ["cat", "0"]),
        (("cat",), "", ["2", "cat"]),
        ((), "", ["2", "0"]),
    ],
)
def test_the_number_of_a_class_is_that_of_its_label(
    labels: tuple[str, ...], card: str, names: list[str]
) -> None:
    made = detector(ssd(tuple(SSD)), f"task: detect, detection: {{{card}}}", labels)
    assert [box.label for box in made.detect(PICTURE, threshold=0.5)] == names


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("cat", "dog", "owl"), ["dog", "0"]),
        (("???", "cat", "dog", "owl"), ["dog", "???"]),
    ],
)
def test_the_object_detection_api_counts_classes_from_1(
    labels: tuple[str, ...], names: list[str]
) -> None:
    api = {
        "boxes": "detection_boxes",
        "classes": "detection_classes",
        "scores": "detection_scores",
        "count": "num_detections",
    }
    nodes = [constant(api[what], SSD[what]) for what in sorted(SSD)]
    raw = constant("raw_detection_boxes", np.zeros((1, 9, 4)))
    made = answering(*nodes, raw)
    assert "TensorFlow Object Detection API" in recognise_detector(model(made))
    boxes = detector(made, "task: detect", labels).detect(PICTURE, threshold=0.5)
    assert [box.label for box in boxes] == names


def post_process(order: tuple[int, ...]) -> bytes:
    """A graph that ends in TFLite_Detection_PostProcess, its outputs exported in any order."""
    options = {
        "max_detections": 2,
        "max_classes_per_detection": 1,
        "detections_per_class": 100,
        "use_regular_nms": False,
        "nms_score_threshold": 0.1,
        "nms_iou_threshold": 0.6,
        "num_classes": 3,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    anchors: NDArray[np.float64] = np.array([[0.3, 0.4, 0.4, 0.4], [0.5, 0.625, 0.5, 0.75]])
    outputs = tuple(f"call:{number}" for number in range(4))
    shapes = ((1, 2, 4), (1, 2), (1, 2), (1,))
    nodes = (
        Node("image", (1, 16, 16, 3)),
        constant("encodings", np.zeros((1, 2, 4))),
        constant("predictions", [[[0, 0, 0, 0.9], [0, 0.6, 0, 0]]]),
        constant("anchors", anchors),
        *(Node(name, shape) for name, shape in zip(outputs, shapes, strict=True)),
    )
    step = Step(
        "TFLite_Detection_PostProcess",
        ("encodings", "predictions", "anchors"),
        outputs,
        custom=options,
    )
    return build_graphs(Graph(nodes, (step,), ("image",), [outputs[place] for place in order]))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_the_operator_that_finds_boxes_says_which_output_is_which(order: tuple[int, ...]) -> None:
    made = post_process(order)
    assert "TFLite_Detection_PostProcess" in recognise_detector(model(made))
    assert find_post_process(made) == ("call:0", "call:1", "call:2", "call:3")
    assert found(made) == FOUND


def test_a_graph_without_the_operator_has_no_names() -> None:
    assert find_post_process(ssd(tuple(SSD))) == ()


@pytest.mark.parametrize("units", ["fractions", "pixels"])
def test_boxes_of_a_letterbox_are_those_of_the_picture_in_it(units: str) -> None:
    sides = np.array([[[0.1, 0.25, 0.6, 0.75], [0, 0, 1, 1]]]) * (16 if units == "pixels" else 1)
    made = answering(constant("boxes", sides), constant("scores", [[0.9, 0.5]]))
    shown = Image(np.zeros((16, 16, 3), np.uint8), 200, 100, region=(0, -50, 200, 150))
    (box, whole) = detector(made, f"task: detect, detection: {{units: {units}}}").detect(shown)
    assert (box.x1, box.y1, box.x2, box.y2) == (50, 0, 150, 70)
    assert (whole.x1, whole.y1, whole.x2, whole.y2) == (0, 0, 200, 100)


def test_a_detector_of_several_pictures_at_once_is_refused() -> None:
    made = answering(
        constant("boxes", np.zeros((2, 3, 4))),
        constant("scores", np.zeros((2, 3))),
        image=Node("image", (2, 16, 16, 3)),
    )
    with pytest.raises(InvalidModel, match="takes one picture at a time, got 2"):
        detector(made)


def places(width: int, height: int) -> int:
    return sum(width // stride * (height // stride) for stride in (8, 16, 32))


IMAGE = Node("image", (1, 64, 96, 3))
MANY = places(96, 64)
WIDE = Image(np.zeros((64, 96, 3), np.uint8), 200, 100)


def yolo(*, five: bool = False, transposed: bool = False, scale: float = 1.0) -> bytes:
    """Two boxes around one dog and one around an owl, of many places."""
    rows = [[0.5, 0.5, 0.2, 0.4], [0.51, 0.5, 0.2, 0.4], [0.25, 0.5, 0.1, 0.2]]
    table = np.zeros((3 * MANY if five else MANY, (5 if five else 4) + 3), np.float32)
    table[:, :4] = [0.9, 0.9, 0.1, 0.1]
    for place, (row, classes) in enumerate(
        zip(rows, [(0.05, 0.9, 0.02), (0, 0.8, 0), (0, 0, 0.6)], strict=True)
    ):
        table[place, :4] = row
        table[place, -3:] = [2 * score for score in classes] if five else classes
        if five:
            table[place, 4] = 0.5
    table[:, :4] *= np.array([96, 64, 96, 64]) if scale != 1 else 1
    if five:
        table[:, -3:] = table[:, -3:].clip(0, 1)
    flat = table if five or transposed else table.T
    return answering(constant("output0", flat[np.newaxis]), image=IMAGE)


DOG, OWL = ("dog", 80, 30, 120, 70), ("owl", 40, 40, 60, 60)


def sides(boxes: tuple[Box, ...]) -> list[tuple[object, ...]]:
    return [
        (box.label, *(round(side) for side in (box.x1, box.y1, box.x2, box.y2))) for box in boxes
    ]


@pytest.mark.parametrize("five", [False, True])
@pytest.mark.parametrize("scale", [1.0, 64.0])
def test_a_yolo_is_recognised_by_its_places_and_labels(*, five: bool, scale: float) -> None:
    made = yolo(five=five, scale=scale)
    assert "its output is a YOLO's: yolov" in recognise_detector(model(made))
    assert sides(detector(made, "").detect(WIDE)) == [DOG, OWL]
    assert detector(made, "").detect(WIDE)[0].score == pytest.approx(0.5 if five else 0.9)


def test_a_yolo_without_labels_is_read_if_a_card_says_that_it_detects() -> None:
    made = yolo()
    assert recognise_detector(model(made, labels=())) == ""
    numbered = detector(made, "task: detect", ()).detect(WIDE)
    assert sides(numbered) == [("1", *DOG[1:]), ("2", *OWL[1:])]


def test_a_card_names_the_format_and_the_labels_the_axis() -> None:
    made = yolo(transposed=True)
    card = "detection: {format: yolo11, units: fractions}"
    assert sides(detector(made, card).detect(WIDE)) == [DOG, OWL]
    assert detector(made, card).describe().outputs.form == (
        "yolov8 in output0 (1, boxes, numbers), 3 classes: the model has 3 labels"
    )


def test_a_yolo_of_other_classes_than_labels_is_refused() -> None:
    with pytest.raises(InvalidLabels, match=r"expected 3 labels.* yolov8 .*, got 2"):
        detector(yolo(), "task: detect", ("cat", "dog"))


def test_a_transposed_output_without_labels_needs_the_format_in_the_card() -> None:
    made = yolo(transposed=True)
    with pytest.raises(InvalidModel, match="version 8's, transposed, or version 5's boxes; say"):
        detector(made, "task: detect", ())
    named = detector(made, "task: detect, detection: {format: yolov8}", ())
    assert sides(named.detect(WIDE)) == [("1", *DOG[1:]), ("2", *OWL[1:])]


def test_finished_boxes_are_not_taken_for_a_yolos() -> None:
    made = answering(constant("output0", np.zeros((1, 300, 6))), image=IMAGE)
    with pytest.raises(InvalidModel, match=r"columns: \[x1, y1, x2, y2, score, class\], or format"):
        detector(made, "task: detect", ())


def test_a_yolo_gets_pixels_from_0_to_1_and_keeps_what_is_sure_and_apart() -> None:
    table = np.zeros((1, 7, MANY), np.float32)
    engine = FakeEngine(table, input_shape=(1, 64, 96, 3), input_dtype="float32")
    made = Detector(opened(engine, FILE, LABELS))
    white = Image(np.full((64, 96, 3), 255, np.uint8), 96, 64)
    assert made.detect(white) == ()
    assert engine.seen is not None
    assert engine.seen.min() == engine.seen.max() == 1
    assert (made.threshold, made.overlap) == (0.25, 0.45)
    assert "from 0 to 1" in made.describe().input.assumed
    card = decode_card(
        b"detection: {threshold: 0.1, overlap: 0.9}\nnormalization: {mean: 0, std: 1}"
    )
    made = Detector(opened(engine, FILE, LABELS, card=card))
    assert (made.threshold, made.overlap) == (0.1, 0.9)


def test_other_outputs_are_no_detectors() -> None:
    for shape in ((1, 3), (1, 8, 8, 4), (1, 7, MANY + 1)):
        made = answering(constant("o", np.zeros(shape)), image=IMAGE)
        assert recognise_detector(model(made)) == ""
    assert recognise_detector(opened(LiteRtEngine(yolo(), workers=1), FILE)) == ""
