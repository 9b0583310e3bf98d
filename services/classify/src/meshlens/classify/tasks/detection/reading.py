"""How a detector's outputs are read: the card first, then what the outputs themselves are."""

from dataclasses import dataclass

from meshlens.classify.formats.card import BoxFormat, Units
from meshlens.classify.formats.labels import InvalidLabels, without_background
from meshlens.classify.tasks.detection.class_names import ClassNames, find_first_class
from meshlens.classify.tasks.detection.output import BoxOutput
from meshlens.classify.tasks.detection.recognition import (
    Probe,
    has_api_names,
    has_shapes_of_boxes,
    may_be_yolo,
    separate_outputs,
)
from meshlens.classify.tasks.detection.rows import Layout
from meshlens.classify.tasks.detection.yolo import YoloOutput, read_as_yolo, recognise_yolo
from meshlens.classify.tasks.lens import OpenedModel, choose_tensor

# Of a YOLO, which answers thousands of boxes; its authors' own defaults.
_YOLO_THRESHOLD, _YOLO_OVERLAP = 0.25, 0.45


@dataclass(frozen=True, slots=True)
class Reading:
    """How outputs are read.

    Attributes:
        output: reads them.
        threshold: lowest score of an answer, if the caller does not say.
        is_yolo: whether they are a YOLO's.
    """

    output: BoxOutput
    threshold: float
    is_yolo: bool


def recognise_detector(model: OpenedModel) -> str:
    """Return why a model without a card can only be a detector, empty if it may be something else.

    Raises:
        InvalidModel: its card names a signature that is not there.
    """
    specs = model.signature.outputs
    if model.post_process:
        return "its graph has the operator TFLite_Detection_PostProcess"
    if has_api_names(specs):
        return "its outputs are those of the TensorFlow Object Detection API"
    if has_shapes_of_boxes(specs):
        return "its outputs have the shapes of boxes, classes, scores and a count"
    if len(specs) == 1 and (
        found := recognise_yolo(specs[0], _image_size(model), len(without_background(model.labels)))
    ):
        return f"its output is a YOLO's: {found.form}"
    return ""


def plan_reading(model: OpenedModel, probe: Probe) -> Reading:
    """Return how the outputs of a detector are read.

    Args:
        model: its card may say how.
        probe: runs it on an image that shows nothing.

    Raises:
        InvalidModel: the card does not fit, or it cannot be decided.
        InvalidLabels: there are labels, but not one for each class.
    """
    part, specs = model.card.detection, model.signature.outputs
    units, overlap, threshold = part.given_units, part.overlap, part.threshold
    layout: Layout
    if may_be_yolo(specs, part):
        layout = _read_yolo(model)
        overlap = overlap if "overlap" in part.model_fields_set else _YOLO_OVERLAP
        threshold = threshold if "threshold" in part.model_fields_set else _YOLO_THRESHOLD
        separate = False
    else:
        layout = separate_outputs(specs, part, model.post_process, probe)
        separate = layout.classes is not None
        known = part.format is BoxFormat.SSD or model.post_process or has_api_names(specs)
        if units is None and (known or layout.count is not None):
            units = Units.FRACTIONS
    labels = without_background(model.labels) if isinstance(layout, YoloOutput) else model.labels
    first = find_first_class(labels, part.first_class, api=has_api_names(specs), separate=separate)
    names = ClassNames(labels, first)
    output = BoxOutput(layout, units, overlap, names, model.subject)
    return Reading(output, threshold, isinstance(layout, YoloOutput))


def _read_yolo(model: OpenedModel) -> YoloOutput:
    part, specs = model.card.detection, model.signature.outputs
    labels = without_background(model.labels)
    spec = choose_tensor(specs, part.boxes or model.card.output.name, "output")
    size = _image_size(model)
    found = recognise_yolo(spec, size, len(labels))
    if found is None or part.format not in (None, found.format):
        found = read_as_yolo(spec, part.format, size, len(labels))
    if labels and len(labels) != found.classes:
        raise InvalidLabels(
            f"expected {found.classes} labels, one for each class of {found.form}",
            got=f"{len(labels)}",
            remedy="correct the label file, or say detection.format: yolov5 or yolov8",
        )
    return found


def _image_size(model: OpenedModel) -> tuple[int, int] | None:
    """Return the width and height of the only image that goes in, None if they are open."""
    for spec in model.signature.inputs:
        match spec.shape or ():
            case (1 | -1, height, width, 3) | (1 | -1, 3, height, width) if min(height, width) > 0:
                return width, height
    return None
