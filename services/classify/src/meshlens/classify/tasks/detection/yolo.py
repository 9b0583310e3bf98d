"""The one output of a YOLO: a centre, a size and scores for each of many places in the image.

Version 8 and its successors (9, 11) answer (1, 4 + classes, n), one score per class. Version 5 and
its like (6, 7) answer (1, n, 5 + classes): a class's score is its number times the fifth one. As in
their exporters: ultralytics, `Detect` and `TFDetect`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import BoxFormat
from meshlens.classify.tasks.detection.rows import Rows
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.faults import Place

_STRIDES = (8, 16, 32)
# Version 5 has three boxes of different shape in each place.
_ANCHORS = 3
_BEFORE_CLASSES = {BoxFormat.YOLOV8: 4, BoxFormat.YOLOV5: 5}


@dataclass(frozen=True, slots=True)
class YoloOutput:
    """How a YOLO's output is read.

    Attributes:
        spec: the output, (1, ., .).
        format: which version's.
        columns_first: whether the numbers of a box are along the axis before the boxes.
        why: how that was decided, for people.
    """

    spec: TensorSpec
    format: BoxFormat
    columns_first: bool
    why: str

    @property
    def classes(self) -> int:
        """How many classes there are."""
        _, rows, columns = self.spec.shape or (1, 0, 0)
        return (rows if self.columns_first else columns) - _BEFORE_CLASSES[self.format]

    @property
    def form(self) -> str:
        """Which version, and why."""
        axes = "(1, numbers, boxes)" if self.columns_first else "(1, boxes, numbers)"
        return f"{self.format} in {self.spec.name} {axes}, {self.classes} classes: {self.why}"

    def read(self, outputs: Mapping[str, Tensor]) -> Rows:
        """Return the rows in `outputs`."""
        (table,) = dequantize(outputs[self.spec.name], self.spec)
        rows = table.T if self.columns_first else table
        first = _BEFORE_CLASSES[self.format]
        scores = rows[:, first:]
        if self.format is BoxFormat.YOLOV5:
            scores = scores * rows[:, 4:5]
        classes = scores.argmax(axis=1)
        centres, halves = rows[:, :2], rows[:, 2:4] / 2
        return Rows(
            np.concatenate([centres - halves, centres + halves], axis=1),
            scores[np.arange(len(rows)), classes],
            classes.astype(np.float64),
        )


def recognise_yolo(
    spec: TensorSpec, size: tuple[int, int] | None, labels: int
) -> YoloOutput | None:
    """Return how an output is read if it can only be a YOLO's, else None.

    That is so if both agree: the number of boxes with the size of the image, and the number of
    scores with the labels.

    Args:
        spec: the output.
        size: width and height of the image, None if unknown.
        labels: how many the model has, 0 if unknown.
    """
    shape = spec.shape or ()
    if size is None or not labels or len(shape) != 3 or shape[0] not in (1, -1):  # noqa: PLR2004 - axes
        return None
    places = _count_places(size)
    _, rows, columns = shape
    why = f"{places} places in an image of {size[0]} x {size[1]}, and {labels} labels"
    if (rows, columns) == (4 + labels, places):
        return YoloOutput(spec, BoxFormat.YOLOV8, columns_first=True, why=why)
    if (rows, columns) == (_ANCHORS * places, 5 + labels):
        return YoloOutput(spec, BoxFormat.YOLOV5, columns_first=False, why=why)
    return None


def _count_places(size: tuple[int, int]) -> int:
    """Return in how many places of an image a YOLO looks, on grids of three strides."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in _STRIDES)


def read_as_yolo(
    spec: TensorSpec, wanted: BoxFormat | None, size: tuple[int, int] | None, labels: int
) -> YoloOutput:
    """Return how an output is read of which a card says that it is a detector's.

    Boxes are along the longer axis unless the labels say otherwise.

    Args:
        spec: the output.
        wanted: the format in the card, None if it says none.
        size: width and height of the image, None if unknown.
        labels: how many the model has, 0 if unknown.

    Raises:
        InvalidModel: it is no YOLO's, or may be two kinds of it.
    """
    shape = spec.shape or ()
    if len(shape) != 3 or shape[0] not in (1, -1) or min(shape[1:]) < 5:  # noqa: PLR2004 - numbers of a box
        raise InvalidModel(
            "expected an output of shape (1, 4 + classes, boxes) or (1, boxes, 5 + classes)",
            got=f"{spec.name} of shape {spec.shape}",
            remedy="say detection.boxes, scores and classes, or detection.columns in the card",
            places=[Place(field=spec.name)],
        )
    _, rows, columns = shape
    readings = {
        (BoxFormat.YOLOV8, True): rows - 4,
        (BoxFormat.YOLOV8, False): columns - 4,
        (BoxFormat.YOLOV5, False): columns - 5,
    }
    if wanted is not None:
        before = _BEFORE_CLASSES[wanted]
        readings = {(wanted, True): rows - before, (wanted, False): columns - before}
    fitting = [key for key, count in readings.items() if labels and count == labels]
    if len(fitting) == 1:
        ((found, first),) = fitting
        return YoloOutput(spec, found, first, why=f"the model has {labels} labels")
    first = rows < columns
    if wanted is not None:
        return YoloOutput(spec, wanted, first, why="by the card")
    _refuse_ambiguous(spec, size, rows, columns)
    found = BoxFormat.YOLOV8 if first else BoxFormat.YOLOV5
    return YoloOutput(spec, found, first, why="by its shape")


def _refuse_ambiguous(
    spec: TensorSpec, size: tuple[int, int] | None, rows: int, columns: int
) -> None:
    """Raise InvalidModel for a shape that two kinds of model have."""
    other = ""
    if columns == 6 and rows > columns:  # noqa: PLR2004 - numbers of a finished box
        other = "x1, y1, x2, y2, score and class of finished boxes"
        remedy = "say detection.columns: [x1, y1, x2, y2, score, class], or format: yolov5"
    elif rows > columns and size and rows == _count_places(size):
        other = "version 8's, transposed"
        remedy = "say detection.format: yolov8 or yolov5"
    if other:
        raise InvalidModel(
            f"{spec.name} of shape {spec.shape} may hold {other}, or version 5's boxes",
            remedy=remedy,
            places=[Place(field=spec.name)],
        )
