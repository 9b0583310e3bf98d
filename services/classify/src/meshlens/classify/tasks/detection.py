"""Pixels -> Engine -> boxes in the picture as its owner sees it."""

from collections.abc import Mapping, Sequence

import numpy as np
from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel, InvalidOption, InvalidTensor
from meshlens.classify.formats.card import Column, ModelCard, Units
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.boxes import Box, suppress_overlaps
from meshlens.classify.tasks.encoding import plan_encoding
from meshlens.classify.tasks.pixels import Frame, Picture
from numpy.typing import NDArray

_DEFAULT_SUBJECT = "object"
_RGB = 3
# Unless the card says otherwise: the time of a model of any size grows with the pixels.
_LARGEST_SIDE = 1280
_WARM_UP = Frame(width=160, height=120, channels=_RGB)
# Of more, only the surest are looked at where boxes overlap: the time grows with their square.
_MOST_OVERLAPPING = 3000
_SIDES = (Column.LEFT, Column.TOP, Column.RIGHT, Column.BOTTOM)


class Detector:
    """A model that says where things are in a picture.

    Its picture goes into an input of shape (h, w, 3) or (1, h, w, 3). A model that takes any size
    sees the picture as it is, made smaller if it is larger than the card's `input.size`; one of
    a fixed size sees it stretched to that size.

    Args:
        signature: runs the model.
        file: what the model says about itself.
        labels: names of the classes, for boxes with a class.
        subject: what is in a box without one.
        card: which inputs and outputs to use and how to read them.

    Raises:
        InvalidModel: its tensors are not those of a detector, or not those of the card.

    Attributes:
        bounds: what the picture must be, or be no larger than.
        fixed: whether it must be exactly that.
        subject: what is in the boxes, in one word.
        threshold: lowest score of an answer, if the caller does not say.
        overlap: largest intersection over union of two boxes of one class; 1 keeps all.
    """

    def __init__(
        self,
        signature: Signature,
        file: ModelFile,
        labels: tuple[str, ...],
        subject: str,
        card: ModelCard,
    ) -> None:
        self._signature = signature
        self._input = _choose(signature.inputs, card.input.name, 0, "input")
        self._batch = len(self._input.shape or ()) == 4  # noqa: PLR2004 - axes of a batch of pictures
        self.bounds, self.fixed = _measure(self._input, card)
        self._blue_first = card.input.type is not None and card.input.type.blue_first
        self._encoding = plan_encoding(self._input, file.normalization, channels=_RGB)
        self._constants = {
            spec.name: _fill(spec, card.constants.get(spec.name))
            for spec in signature.inputs
            if spec is not self._input
        }
        if unknown := sorted(set(card.constants) - set(self._constants)):
            raise InvalidModel(f"{unknown[0]} is no further input of the model; correct the card")
        part = card.detection
        self._columns, self._units = part.columns, part.units
        self._boxes = _choose(signature.outputs, part.boxes, 0, "output")
        self._scores = None
        if Column.SCORE not in part.columns:
            rest = [spec for spec in signature.outputs if spec is not self._boxes]
            self._scores = _choose(rest, part.scores, 0, "further output")
        self._labels = file.labels or labels
        self.subject = file.subject or subject or _DEFAULT_SUBJECT
        self.threshold, self.overlap = part.threshold, part.overlap

    def detect(
        self,
        picture: Picture,
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        parameters: Mapping[str, Sequence[float]] | None = None,
    ) -> tuple[Box, ...]:
        """Return the boxes in the whole picture, the highest score first.

        Args:
            picture: its pixels within `bounds`, or exactly of that size if it is `fixed`.
            top_k: how many boxes at most; all of them if None.
            threshold: lowest score; the model's own if None.
            parameters: further inputs that are not to be what the card says.

        Raises:
            InvalidOption: the model has no such input.
            InvalidTensor: it cannot compute with them.
        """
        pixels = picture.pixels[:, :, ::-1] if self._blue_first else picture.pixels
        tensor = self._encoding.encode(pixels)
        inputs = self._constants | self._override(parameters or {})
        tensor = np.ascontiguousarray(tensor[np.newaxis] if self._batch else tensor)
        inputs[self._input.name] = tensor
        rows, scores = self._read(self._signature.run(inputs))
        lowest = self.threshold if threshold is None else threshold
        kept = np.flatnonzero(np.isfinite(rows).all(axis=1) & (scores >= lowest))
        best = self._thin_out(rows, kept[np.argsort(-scores[kept], kind="stable")])[:top_k]
        height, width, _ = picture.pixels.shape
        sides = self._place(rows[best], seen=(width, height), whole=(picture.width, picture.height))
        return tuple(
            Box(x1, y1, x2, y2, float(scores[index]), self._name(rows[index]))
            for (x1, y1, x2, y2), index in zip(sides.tolist(), best, strict=True)
        )

    def warm_up(self) -> None:
        """Look at a gray picture, so that the first caller does not wait for first-time work.

        Raises:
            InvalidModel: the model cannot compute, or its outputs are none of boxes.
        """
        frame = self.bounds if self.fixed else _WARM_UP
        pixels = np.full((frame.height, frame.width, frame.channels), 127, dtype=np.uint8)
        try:
            self.detect(Picture(pixels, frame.width, frame.height))
        except InvalidTensor as error:
            raise InvalidModel(f"{error} (in the card)") from error

    def _override(self, parameters: Mapping[str, Sequence[float]]) -> dict[str, Tensor]:
        specs = {spec.name: spec for spec in self._signature.inputs if spec is not self._input}
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
        rows = _to_real(outputs[self._boxes.name], self._boxes)
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
        scores = _to_real(outputs[self._scores.name], self._scores).ravel()
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

    def _place(
        self, rows: NDArray[np.float64], *, seen: tuple[int, int], whole: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Return x1, y1, x2, y2 in the whole picture, (n, 4), nothing outside of it."""
        sides = rows[:, [self._columns.index(side) for side in _SIDES]]
        size = np.array(whole * 2, np.float64)
        unit = size if self._units is Units.FRACTIONS else size / np.array(seen * 2)
        placed: NDArray[np.float64] = (sides * unit).clip(0, size)
        return placed

    def _name(self, row: NDArray[np.float64]) -> str:
        if Column.CLASS not in self._columns:
            return self.subject
        index = int(row[self._columns.index(Column.CLASS)])
        return self._labels[index] if 0 <= index < len(self._labels) else str(index)


def _choose(specs: Sequence[TensorSpec], name: str, place: int, what: str) -> TensorSpec:
    """Return the tensor called `name`, the one at `place` if it is empty."""
    for spec in specs[place:]:
        if name in ("", spec.name, spec.name.removesuffix(":0")):
            return spec
    known = ", ".join(spec.name for spec in specs) or "none"
    raise InvalidModel(f"expected an {what} of {known}, got {name!r}; correct the card")


def _measure(tensor: TensorSpec, card: ModelCard) -> tuple[Frame, bool]:
    """Return the size of the pictures a model takes, and whether they must have it."""
    wanted = card.input.size or (_LARGEST_SIDE, _LARGEST_SIDE)
    match tensor.shape or ():
        case (1 | -1, height, width, 3) | (height, width, 3):
            pass
        case _:
            raise InvalidModel(
                "expected an input of shape (height, width, 3) or (1, height, width, 3), got"
                f" {tensor.name} of shape {tensor.shape}; is this a detector in pictures?"
            )
    kind = card.input.type
    if kind and (kind.channels != _RGB or kind.floats != (tensor.dtype.kind == "f")):
        raise InvalidModel(
            f"{tensor.name} takes 3 channels of {tensor.dtype}, the card says {kind};"
            " correct the card"
        )
    if (width < 0) != (height < 0):
        raise InvalidModel(f"{tensor.name} must leave both sides open or none, got {tensor.shape}")
    if width < 0:
        return Frame(*wanted, channels=_RGB), False
    if card.input.size and card.input.size != (width, height):
        raise InvalidModel(
            f"{tensor.name} takes pictures of {width} x {height} pixels, the card says"
            f" {wanted[0]} x {wanted[1]}; correct the card"
        )
    return Frame(width, height, channels=_RGB), True


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


def _to_real(output: Tensor, spec: TensorSpec) -> NDArray[np.float64]:
    real = output.astype(np.float64)
    if spec.quantization:
        real = (real - spec.quantization.zero_point) * spec.quantization.scale
    return real
