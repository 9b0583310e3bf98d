"""The outputs of a detector -> boxes in the image as its owner sees it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Units
from meshlens.classify.tasks.detection.boxes import Box, suppress_overlaps
from meshlens.classify.tasks.detection.class_names import ClassNames
from meshlens.classify.tasks.detection.rows import Layout, Rows
from meshlens.classify.tasks.images.pixels import Image

# Of more, only the surest are looked at where boxes overlap: the time grows with their square.
_MOST_OVERLAPPING = 3000
# Quantized or rounded scores may miss 0 and 1 by so much.
_SLACK = 0.01
# A fraction is no larger, even of a box that reaches beyond the image; a model whose sides are
# pixels has answered some that are.
_LARGEST_FRACTION = 2.0


@dataclass(frozen=True, slots=True)
class BoxOutput:
    """The outputs that hold the boxes of a detector, and how they are read.

    Attributes:
        layout: which output holds what.
        units: of their sides; None if the values decide, picture by picture.
        overlap: largest intersection over union of two boxes of one class; 1 keeps all.
        names: of the classes.
        subject: what is in a box without a class.
    """

    layout: Layout
    units: Units | None
    overlap: float
    names: ClassNames
    subject: str

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
            InvalidModel: the outputs do not have the form that was found or that the card gives.
        """
        rows = self.layout.read(outputs)
        scores = self._check_scores(rows.scores)
        kept = np.flatnonzero(np.isfinite(rows.sides).all(axis=1) & (scores >= threshold))
        best = self._thin_out(rows, kept[np.argsort(-scores[kept], kind="stable")])[:top_k]
        sides = self._place(rows.sides, best, image).tolist()
        return tuple(
            Box(label, float(scores[index]), *(round(side, 2) for side in four))
            for four, label, index in zip(sides, self._name(rows, best), best, strict=True)
        )

    def _check_scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores from 0 to 1; what is not a number stays so, and makes no box."""
        wrong = scores[(scores < -_SLACK) | (scores > 1 + _SLACK)]
        if wrong.size:
            raise InvalidModel(
                "scores must be from 0 to 1",
                got=f"{wrong[0]:.4g} ({self.layout.form})",
                remedy="name the right outputs in the card: detection: {boxes: ..., scores: ...,"
                " classes: ...}",
            )
        clipped: NDArray[np.float64] = scores.clip(0, 1)
        return clipped

    def _thin_out(self, rows: Rows, best: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those of the `best` rows, the surest first, that show another thing each."""
        if self.overlap == 1:
            return best
        best = best[:_MOST_OVERLAPPING]
        classes = np.zeros(len(best)) if rows.classes is None else rows.classes[best]
        return best[suppress_overlaps(rows.sides[best], classes, self.overlap)]

    def _place(
        self, every: NDArray[np.float64], best: NDArray[np.intp], image: Image
    ) -> NDArray[np.float64]:
        """Return x1, y1, x2, y2 in the whole image, (n, 4), nothing outside of it."""
        height, width, _ = image.pixels.shape
        whole = np.array((image.width, image.height) * 2, np.float64)
        left, top, right, bottom = image.region or (0, 0, image.width, image.height)
        shown = np.array((right - left, bottom - top) * 2, np.float64)
        fractions = self._find_units(every) is Units.FRACTIONS
        unit = shown if fractions else shown / np.array((width, height) * 2)
        placed: NDArray[np.float64] = (every[best] * unit + (left, top) * 2).clip(0, whole)
        return placed

    def _find_units(self, sides: NDArray[np.float64]) -> Units:
        if self.units is not None:
            return self.units
        largest = np.abs(sides[np.isfinite(sides)]).max(initial=0)
        return Units.PIXELS if largest > _LARGEST_FRACTION else Units.FRACTIONS

    def _name(self, rows: Rows, best: NDArray[np.intp]) -> list[str]:
        if rows.classes is None:
            return [self.subject] * len(best)
        classes = rows.classes[best]
        whole = np.isfinite(classes) & (classes >= 0) & (classes == np.rint(classes))
        if not whole.all():
            raise InvalidModel(
                "classes must be whole numbers from 0",
                got=f"{classes[~whole][0]:.4g} ({self.layout.form})",
                remedy="name the right outputs in the card: detection: {boxes: ..., scores: ...,"
                " classes: ...}",
            )
        return [self.names.find(int(number)) for number in classes]
