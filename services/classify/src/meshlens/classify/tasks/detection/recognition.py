"""Which outputs of a detector hold what: by card, operator, names, shapes or values."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import BoxFormat, Column, DetectionPart
from meshlens.classify.tasks.detection.separate import SeparateOutputs
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.classify.tasks.lens import choose_tensor
from meshlens.faults import Place

# What runs the model on an image that shows nothing: for outputs that differ only in their values.
Probe: TypeAlias = Callable[[], Mapping[str, Tensor]]

# Names of the TensorFlow Object Detection API, in the order of `_PARTS`.
API_NAMES = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
_PARTS = ("boxes", "classes", "scores", "count")
_WORDS = {
    "classes": ("class", "categor", "label"),
    "scores": ("score", "prob", "conf"),
}
_OUTPUTS = 4


def has_api_names(specs: Sequence[TensorSpec]) -> bool:
    """Return whether the outputs are those of the TensorFlow Object Detection API."""
    return set(API_NAMES) <= {spec.name for spec in specs}


def has_shapes_of_boxes(specs: Sequence[TensorSpec]) -> bool:
    """Return whether four outputs have the shapes of boxes, classes, scores and a count."""
    if len(specs) != _OUTPUTS:
        return False
    boxes = [spec for spec in specs if _holds_boxes(spec)]
    if len(boxes) != 1 or len(boxes[0].shape or ()) != 3:  # noqa: PLR2004 - (1, n, 4)
        return False
    others = [spec for spec in specs if spec is not boxes[0]]
    return sum(_fit(spec, boxes[0]) for spec in others) >= 2 and any(map(_is_single, others))  # noqa: PLR2004 - classes and scores


def separate_outputs(
    specs: Sequence[TensorSpec], part: DetectionPart, operator: Sequence[str], probe: Probe
) -> SeparateOutputs:
    """Return which of several outputs hold what.

    Args:
        specs: every output.
        part: of the card.
        operator: names of the outputs of TFLite_Detection_PostProcess in its order, if it is there.
        probe: runs the model.

    Raises:
        InvalidModel: the card names an output that is not there, or it cannot be decided.
    """
    known = _known(specs, part, operator)
    free = [spec for spec in specs if spec not in known.values()]
    if "boxes" not in known:
        known["boxes"] = next(filter(_holds_boxes, free), free[0])
        free.remove(known["boxes"])
    boxes = known["boxes"]
    if "count" not in known and len(free) > 1:
        single = [spec for spec in free if _is_single(spec) and not _fit(spec, boxes)]
        known |= {"count": single[0]} if single else {}
    free = [spec for spec in free if spec is not known.get("count")]
    missing = [
        what
        for what, column in (("scores", Column.SCORE), ("classes", Column.CLASS))
        if what not in known and column not in part.columns
    ]
    known |= _assign(missing, free, boxes, probe)
    return SeparateOutputs(
        part.columns, boxes, known.get("scores"), known.get("classes"), known.get("count")
    )


def _known(
    specs: Sequence[TensorSpec], part: DetectionPart, operator: Sequence[str]
) -> dict[str, TensorSpec]:
    """Return the outputs that card, operator or well-known names assign."""
    known: dict[str, TensorSpec] = {}
    names: Sequence[str] = API_NAMES if has_api_names(specs) else operator
    if len(names) == _OUTPUTS:
        known = {
            what: spec
            for what, name in zip(_PARTS, names, strict=True)
            for spec in specs
            if spec.is_called(name)
        }
    for what in _PARTS:
        if name := getattr(part, what):
            known[what] = choose_tensor(specs, name, "output")
            known = {
                other: spec
                for other, spec in known.items()
                if spec is not known[what] or other == what
            }
    return known


def _assign(
    missing: Sequence[str], free: Sequence[TensorSpec], boxes: TensorSpec, probe: Probe
) -> dict[str, TensorSpec]:
    """Return which of the `free` outputs are the scores and the classes that are `missing`."""
    fitting = [spec for spec in free if _fit(spec, boxes)]
    if "scores" not in missing:
        return dict.fromkeys(missing, fitting[0]) if len(fitting) == 1 else {}
    if "classes" not in missing or len(fitting) < 2:  # noqa: PLR2004 - scores and classes
        if not fitting and not free:
            raise InvalidModel(
                "expected a further output with the scores",
                got="none",
                remedy="say detection.scores, or detection.columns with a score",
            )
        return {"scores": (fitting or list(free))[0]}
    pairs = [(a, b) for a in fitting for b in fitting if a is not b]
    by_name = [pair for pair in pairs if _named(pair[0], "scores") and _named(pair[1], "classes")]
    if len(by_name) == 1:
        return dict(zip(("scores", "classes"), by_name[0], strict=True))
    if len(fitting) == 2:  # noqa: PLR2004 - as above
        outputs = probe()
        by_value = [
            pair
            for pair in pairs
            if _may_be_scores(pair[0], outputs) and _may_be_classes(pair[1], outputs)
        ]
        if len(by_value) == 1:
            return dict(zip(("scores", "classes"), by_value[0], strict=True))
    listed = ", ".join(spec.name for spec in fitting)
    raise InvalidModel(
        f"{listed} may be scores or classes, nothing says which",
        remedy="name them in the card, such as detection:"
        f" {{boxes: {boxes.name}, scores: {fitting[0].name}, classes: {fitting[1].name}}}",
        places=[Place(field=fitting[0].name)],
    )


def _holds_boxes(spec: TensorSpec) -> bool:
    shape = spec.shape or ()
    return len(shape) >= 2 and shape[-1] == 4  # noqa: PLR2004 - (n, 4)


def _is_single(spec: TensorSpec) -> bool:
    return spec.shape is not None and all(abs(size) == 1 for size in spec.shape)


def _fit(spec: TensorSpec, boxes: TensorSpec) -> bool:
    """Return whether an output has one number for each box, as far as shapes are known."""
    if spec.shape is None or boxes.shape is None:
        return True
    if not _holds_boxes(boxes) or len(spec.shape) != len(boxes.shape) - 1:
        return False
    return all(
        own == other or -1 in (own, other)
        for own, other in zip(spec.shape, boxes.shape[:-1], strict=True)
    )


def _named(spec: TensorSpec, what: str) -> bool:
    names = f"{spec.name} {spec.tensor}".lower()
    return any(word in names for word in _WORDS[what])


def _may_be_scores(spec: TensorSpec, outputs: Mapping[str, Tensor]) -> bool:
    numbers = dequantize(outputs[spec.name], spec)
    return bool(((numbers >= 0) & (numbers <= 1)).all())


def _may_be_classes(spec: TensorSpec, outputs: Mapping[str, Tensor]) -> bool:
    numbers = dequantize(outputs[spec.name], spec)
    return bool(((numbers >= 0) & (numbers == np.rint(numbers))).all())


def may_be_yolo(specs: Sequence[TensorSpec], part: DetectionPart) -> bool:
    """Return whether the card leaves it to a YOLO's single output to say what it is."""
    if part.format in (BoxFormat.YOLOV5, BoxFormat.YOLOV8):
        return True
    given = part.model_fields_set & {"columns", "boxes", "scores", "classes", "count", "format"}
    return not given and len(specs) == 1
