"""The outputs of a detector -> boxes in the image as its owner sees it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Column, DetectionPart, Units
from meshlens.classify.tasks.detection.boxes import Box, suppress_overlaps
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.classify.tasks.images.pixels import Image
from meshlens.classify.tasks.lens import choose_tensor
from meshlens.faults import Place

_SIDES = (Column.LEFT, Column.TOP, Column.RIGHT, Column.BOTTOM)
# Of more, only the surest are looked at where boxes overlap: the time grows with their square.
_MOST_OVERLAPPING = 3000


class BoxOutput:
    """The outputs that hold the boxes of a detector, and how they are read.

    Args:
        specs: every output of the model.
        part: what the card says about them.
        labels: names of the classes, for boxes with a class.
        subject: what is in a box without one.

    Raises:
        InvalidModel: the card names an output that is not there.
    """

    def __init__(
        self,
        specs: Sequence[TensorSpec],
        part: DetectionPart,
        labels: tuple[str, ...],
        subject: str,
    ) -> None:
        self._columns, self._units, self._overlap = part.columns, part.units, part.overlap
        self._labels, self._subject = labels, subject
        self._boxes = choose_tensor(specs, part.boxes, "output")
        self._scores = None
        if Column.SCORE not in part.columns:
            rest = [spec for spec in specs if spec is not self._boxes]
            self._scores = choose_tensor(rest, part.scores, "further output")

    def decode(
        self,
        outputs: Mapping[str, Tensor],
        image: Image,
        *,
        threshold: float,
        top_k: int | None = None,
    ) -> tuple[Box, ...]:
        """Return the boxes in the whole image, the highest score first.

        Args:
            outputs: what the model has computed.
            image: what it has seen.
            threshold: lowest score.
            top_k: how many boxes at most; all of them if None.

        Returns:
            boxes, their sides to the hundredth of a pixel.

        Raises:
            InvalidModel: the outputs do not have the shape that the card gives.
        """
        rows, scores = self._read(outputs)
        kept = np.flatnonzero(np.isfinite(rows).all(axis=1) & (scores >= threshold))
        best = self._thin_out(rows, kept[np.argsort(-scores[kept], kind="stable")])[:top_k]
        sides = self._place(rows[best], image).tolist()
        return tuple(
            Box(self._name(rows[index]), float(scores[index]), *(round(side, 2) for side in four))
            for four, index in zip(sides, best, strict=True)
        )

    def _read(
        self, outputs: Mapping[str, Tensor]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n, columns) and (n,), as reals."""
        rows = dequantize(outputs[self._boxes.name], self._boxes)
        if not rows.size or rows.shape[-1] != len(self._columns):
            if rows.size:
                raise InvalidModel(
                    f"{self._boxes.name} must have {len(self._columns)} columns"
                    f" ({', '.join(self._columns)})",
                    got=f"shape {rows.shape}",
                    remedy="say detection.columns",
                    places=[Place(field=self._boxes.name)],
                )
            rows = np.empty((0, len(self._columns)))
        rows = rows.reshape(-1, len(self._columns))
        if self._scores is None:
            return rows, rows[:, self._columns.index(Column.SCORE)]
        scores = dequantize(outputs[self._scores.name], self._scores).ravel()
        if len(scores) != len(rows):
            raise InvalidModel(
                f"{self._scores.name} must have one score for each of {len(rows)} boxes",
                got=f"{len(scores)}",
                remedy="say detection.scores",
                places=[Place(field=self._scores.name)],
            )
        return rows, scores

    def _thin_out(self, rows: NDArray[np.float64], best: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those of the `best` rows, the surest first, that show another thing each."""
        if self._overlap == 1:
            return best
        best = best[:_MOST_OVERLAPPING]
        sides = rows[best][:, [self._columns.index(side) for side in _SIDES]]
        classes = np.zeros(len(best))
        if Column.CLASS in self._columns:
            classes = rows[best, self._columns.index(Column.CLASS)]
        return best[suppress_overlaps(sides, classes, self._overlap)]

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
            return self._subject
        index = int(row[self._columns.index(Column.CLASS)])
        return self._labels[index] if 0 <= index < len(self._labels) else str(index)
