"""Detection: an image -> boxes in the image as its owner sees it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel, InvalidOption, InvalidTensor
from meshlens.classify.formats.card import Column, Units
from meshlens.classify.tasks.boxes import Box, suppress_overlaps
from meshlens.classify.tasks.drawing import draw_boxes, overlay_boxes
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.classify.tasks.images.input import ImageInput
from meshlens.classify.tasks.images.pixels import Frame, Image, decode_image, gray_image
from meshlens.classify.tasks.lens import (
    JSON,
    Answer,
    Description,
    FrameDescription,
    Lens,
    OpenedModel,
    Payload,
    choose_tensor,
    describe_signatures,
)
from meshlens.classify.tasks.options import ModelOptions
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

_CHANNELS = (3,)
# Unless the card says otherwise: the time of a model of any size grows with the pixels.
_LARGEST_SIDE = 1280
_WARM_UP = Frame(width=160, height=120, channels=3)
# Of more, only the surest are looked at where boxes overlap: the time grows with their square.
_MOST_OVERLAPPING = 3000
_SIDES = (Column.LEFT, Column.TOP, Column.RIGHT, Column.BOTTOM)
# A drawn image is to be looked at; one of a camera's full size would not fit into an answer.
_LARGEST_DRAWING = Frame(width=2048, height=2048, channels=3, fixed=False)


def _split(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


Share = Annotated[float, Field(ge=0, le=1)]


class DetectOptions(ModelOptions):
    """Options of `detect`; those after `threshold` are for models that have such an input."""

    top_k: int | None = Field(default=None, ge=1, description="how many boxes to answer at most")
    threshold: float | None = Field(default=None, ge=0, le=1, description="lowest score to answer")
    # Bounds of the work: a smaller face or a finer step means more passes over a larger image.
    min_size: float | None = Field(default=None, ge=10, le=10_000, description="pixels")
    thresholds: Annotated[tuple[Share, Share, Share] | None, BeforeValidator(_split)] = None
    factor: float | None = Field(default=None, ge=0.1, le=0.9, description="between two scales")

    def parameters(self) -> dict[str, Sequence[float]]:
        """Return the inputs of the model that the caller has set."""
        given = {"min_size": self.min_size, "factor": self.factor}
        numbers = {name: (value,) for name, value in given.items() if value is not None}
        return numbers | ({"thresholds": self.thresholds} if self.thresholds else {})


class DetectionAnswer(Answer):
    """Where things are in an image."""

    media_types: ClassVar = (JSON, "image/jpeg", "image/png", "image/svg+xml")

    width: int = Field(description="of the whole image, upright, in pixels")
    height: int = Field(description="likewise")
    count: int = Field(description="how many boxes there are")
    boxes: list[Box] = Field(description="the highest score first")

    def render(self, media_type: str, payload: Payload) -> bytes:
        """Return the image with the boxes drawn, or an overlay of the size of the whole image."""
        match media_type:
            case "image/svg+xml":
                return overlay_boxes(self.boxes, self.width, self.height).encode()
            case "image/jpeg" | "image/png":
                image = decode_image(payload.data, _LARGEST_DRAWING, max_pixels=payload.max_pixels)
                return draw_boxes(image, self.boxes, kind=media_type)
            case _:
                return super().render(media_type, payload)


class BoundsDescription(FrameDescription):
    """What the images of a detector are."""

    fixed: bool = Field(description="else of any size, made smaller if they are larger")


class DetectorDescription(Description):
    """What a detector takes and answers."""

    subject: str
    input: BoundsDescription
    threshold: float
    overlap: float
    constants: dict[str, tuple[float, ...]]


class Detector(Lens[DetectOptions, DetectionAnswer]):
    """A model that says where things are in an image.

    Its image goes into an input of shape (h, w, 3) or (1, h, w, 3). A model that takes any size
    sees the image as it is, made smaller if it is larger than the card's `input.size`; one of
    a fixed size sees it stretched to that size.

    Args:
        model: its card says which inputs and outputs to use and how to read them.

    Raises:
        InvalidModel: its tensors are not those of a detector, or not those of the card.

    Attributes:
        frame: what the model wants its images to be.
        subject: what is in a box without a class, in one word.
        threshold: lowest score of an answer, if the caller does not say.
        overlap: largest intersection over union of two boxes of one class; 1 keeps all.
    """

    does = "detects"
    method = "detect"
    takes_images = True
    options = DetectOptions
    refusal = "expected a model that detects, got {model}; name one whose card says task: detect"

    def __init__(self, model: OpenedModel) -> None:
        card, part = model.card, model.card.detection
        self._engine, self._signature = model.engine, model.signature
        inputs, outputs = self._signature.inputs, self._signature.outputs
        self._input = ImageInput(
            choose_tensor(inputs, card.input.name, "input"),
            card.input,
            model.file.normalization,
            channels=_CHANNELS,
            largest=_LARGEST_SIDE,
        )
        self.frame = self._input.frame
        self._card_constants = card.constants
        self._constants = {
            spec.name: _fill(spec, card.constants.get(spec.name))
            for spec in inputs
            if spec is not self._input.spec
        }
        if unknown := sorted(set(card.constants) - set(self._constants)):
            raise InvalidModel(f"{unknown[0]} is no further input of the model; correct the card")
        self._columns, self._units = part.columns, part.units
        self._boxes = choose_tensor(outputs, part.boxes, "output")
        self._scores = None
        if Column.SCORE not in part.columns:
            rest = [spec for spec in outputs if spec is not self._boxes]
            self._scores = choose_tensor(rest, part.scores, "further output")
        self._labels, self.subject = model.labels, model.subject
        self.threshold, self.overlap = part.threshold, part.overlap

    def warm_up(self) -> None:
        """Look at a gray image.

        Raises:
            InvalidModel: the model cannot compute, or its outputs are none of boxes.
        """
        try:
            self.detect(gray_image(self.frame if self.frame.fixed else _WARM_UP))
        except InvalidTensor as error:
            raise InvalidModel(f"{error} (in the card)") from error

    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the model sees it."""
        return decode_image(payload.data, self.frame, max_pixels=payload.max_pixels)

    def answer(self, payload: Payload, options: DetectOptions) -> DetectionAnswer:
        """Return the boxes in the image in `payload`."""
        image = self.see(payload)
        boxes = self.detect(
            image,
            top_k=options.top_k,
            threshold=options.threshold,
            parameters=options.parameters(),
        )
        return DetectionAnswer(
            width=image.width, height=image.height, count=len(boxes), boxes=list(boxes)
        )

    def describe(self) -> DetectorDescription:
        """Return how the model looks at images, and which boxes it answers."""
        frame = self.frame
        return DetectorDescription(
            signatures=describe_signatures(self._engine),
            subject=self.subject,
            input=BoundsDescription(
                width=frame.width,
                height=frame.height,
                channels=frame.channels,
                fixed=frame.fixed,
            ),
            threshold=self.threshold,
            overlap=self.overlap,
            constants=self._card_constants,
        )

    def detect(
        self,
        image: Image,
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        parameters: Mapping[str, Sequence[float]] | None = None,
    ) -> tuple[Box, ...]:
        """Return the boxes in the whole image, the highest score first.

        Args:
            image: its pixels as `frame` says.
            top_k: how many boxes at most; all of them if None.
            threshold: lowest score; the model's own if None.
            parameters: further inputs that are not to be what the card says.

        Returns:
            boxes, their sides to the hundredth of a pixel.

        Raises:
            InvalidOption: the model has no such input.
            InvalidTensor: it cannot compute with them.
        """
        inputs = self._constants | self._override(parameters or {})
        inputs[self._input.spec.name] = self._input.encode(image.pixels)
        rows, scores = self._read(self._signature.run(inputs))
        lowest = self.threshold if threshold is None else threshold
        kept = np.flatnonzero(np.isfinite(rows).all(axis=1) & (scores >= lowest))
        best = self._thin_out(rows, kept[np.argsort(-scores[kept], kind="stable")])[:top_k]
        sides = self._place(rows[best], image).tolist()
        return tuple(
            Box(self._name(rows[index]), float(scores[index]), *(round(side, 2) for side in four))
            for four, index in zip(sides, best, strict=True)
        )

    def _override(self, parameters: Mapping[str, Sequence[float]]) -> dict[str, Tensor]:
        specs = {spec.name: spec for spec in self._signature.inputs if spec is not self._input.spec}
        for name in parameters:
            if name not in specs:
                known = ", ".join(specs) or "none"
                raise InvalidOption(
                    f"{name} must be an input of the model, it has {known}; leave it out"
                )
        try:
            return {name: _fill(specs[name], tuple(value)) for name, value in parameters.items()}
        except InvalidModel as error:
            raise InvalidOption(str(error)) from error

    def _read(
        self, outputs: Mapping[str, Tensor]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n, columns) and (n,), as reals."""
        rows = dequantize(outputs[self._boxes.name], self._boxes)
        if not rows.size or rows.shape[-1] != len(self._columns):
            if rows.size:
                raise InvalidModel(
                    f"{self._boxes.name} must have {len(self._columns)} columns"
                    f" ({', '.join(self._columns)}), got shape {rows.shape}; say detection.columns"
                )
            rows = np.empty((0, len(self._columns)))
        rows = rows.reshape(-1, len(self._columns))
        if self._scores is None:
            return rows, rows[:, self._columns.index(Column.SCORE)]
        scores = dequantize(outputs[self._scores.name], self._scores).ravel()
        if len(scores) != len(rows):
            raise InvalidModel(
                f"{self._scores.name} must have one score for each of {len(rows)} boxes,"
                f" got {len(scores)}; say detection.scores"
            )
        return rows, scores

    def _thin_out(self, rows: NDArray[np.float64], best: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those of the `best` rows, the surest first, that show another thing each."""
        if self.overlap == 1:
            return best
        best = best[:_MOST_OVERLAPPING]
        sides = rows[best][:, [self._columns.index(side) for side in _SIDES]]
        classes = np.zeros(len(best))
        if Column.CLASS in self._columns:
            classes = rows[best, self._columns.index(Column.CLASS)]
        return best[suppress_overlaps(sides, classes, self.overlap)]

    def _place(self, rows: NDArray[np.float64], image: Image) -> NDArray[np.float64]:
        """Return x1, y1, x2, y2 in the whole image, (n, 4), nothing outside of it."""
        sides = rows[:, [self._columns.index(side) for side in _SIDES]]
        height, width, _ = image.pixels.shape
        size = np.array((image.width, image.height) * 2, np.float64)
        unit = size if self._units is Units.FRACTIONS else size / np.array((width, height) * 2)
        placed: NDArray[np.float64] = (sides * unit).clip(0, size)
        return placed

    def _name(self, row: NDArray[np.float64]) -> str:
        if Column.CLASS not in self._columns:
            return self.subject
        index = int(row[self._columns.index(Column.CLASS)])
        return self._labels[index] if 0 <= index < len(self._labels) else str(index)


def _fill(spec: TensorSpec, value: Sequence[float] | None) -> Tensor:
    """Return the tensor of a further input; one number stands for a scalar too."""
    if value is None:
        raise InvalidModel(f"{spec.name} is an input of the model too; say constants.{spec.name}")
    array = np.array(value, np.float64).astype(spec.dtype)
    if spec.shape is None or len(spec.shape) != 1:
        if array.size != 1 or any(size not in (1, -1) for size in spec.shape or ()):
            raise InvalidModel(
                f"{spec.name} must be one number, got {len(value)}; its shape is {spec.shape}"
            )
        return array.reshape([1] * len(spec.shape or ()))
    if spec.shape[0] not in (-1, array.size):
        raise InvalidModel(f"{spec.name} must be {spec.shape[0]} numbers, got {array.size}")
    return array
