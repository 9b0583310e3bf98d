"""Boxes in one output, and their scores and classes in its columns or in outputs of their own.

TFLite_Detection_PostProcess and the TensorFlow Object Detection API answer so: boxes (1, n, 4) as
y1, x1, y2, x2, classes (1, n), scores (1, n), and how many of the n there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Column
from meshlens.classify.tasks.detection.rows import Rows
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.faults import Place

SIDES = (Column.LEFT, Column.TOP, Column.RIGHT, Column.BOTTOM)


@dataclass(frozen=True, slots=True)
class SeparateOutputs:
    """Outputs by what they hold.

    Attributes:
        columns: of `boxes`.
        boxes: (..., n, columns).
        scores: n numbers; None if they are a column.
        classes: n numbers; None if they are a column, or the model has no classes.
        count: how many of the n are boxes; None if all are.
    """

    columns: tuple[Column, ...]
    boxes: TensorSpec
    scores: TensorSpec | None = None
    classes: TensorSpec | None = None
    count: TensorSpec | None = None

    @property
    def form(self) -> str:
        """Which output holds what."""
        named = {"scores": self.scores, "classes": self.classes, "count": self.count}
        others = "".join(f", {what} in {spec.name}" for what, spec in named.items() if spec)
        return f"boxes ({', '.join(self.columns)}) in {self.boxes.name}{others}"

    def read(self, outputs: Mapping[str, Tensor]) -> Rows:
        """Return the rows in `outputs`.

        Raises:
            InvalidModel: they are of other shapes than each other or the card.
        """
        rows = self._read_boxes(outputs)
        every = len(rows)
        most = every
        if self.count is not None:
            counted = dequantize(outputs[self.count.name], self.count).ravel()
            most = int(np.clip(np.nan_to_num(counted[0]), 0, every)) if counted.size else every
        scores = self._read_column(rows, outputs, Column.SCORE, self.scores)
        classes = self._read_column(rows, outputs, Column.CLASS, self.classes)
        assert scores is not None, "a card names a column or an output"  # noqa: S101 - for the type checker
        sides = rows[:, [self.columns.index(side) for side in SIDES]]
        return Rows(sides[:most], scores[:most], None if classes is None else classes[:most])

    def _read_boxes(self, outputs: Mapping[str, Tensor]) -> NDArray[np.float64]:
        """Return (n, columns), as reals."""
        rows = dequantize(outputs[self.boxes.name], self.boxes)
        width = len(self.columns)
        if not rows.size:
            return np.empty((0, width))
        if rows.shape[-1] != width:
            raise InvalidModel(
                f"{self.boxes.name} must have {width} columns ({', '.join(self.columns)})",
                got=f"shape {rows.shape}",
                remedy="say detection.columns",
                places=[Place(field=self.boxes.name)],
            )
        return rows.reshape(-1, width)

    def _read_column(
        self,
        rows: NDArray[np.float64],
        outputs: Mapping[str, Tensor],
        column: Column,
        spec: TensorSpec | None,
    ) -> NDArray[np.float64] | None:
        """Return (n,) numbers from an output or a column, None if there are none."""
        if spec is None:
            return rows[:, self.columns.index(column)] if column in self.columns else None
        numbers: NDArray[np.float64] = dequantize(outputs[spec.name], spec).ravel()
        if len(numbers) != len(rows):
            what, field = ("score", "scores") if column is Column.SCORE else ("class", "classes")
            raise InvalidModel(
                f"{spec.name} must have one {what} for each of {len(rows)} boxes",
                got=f"{len(numbers)}",
                remedy=f"say detection.{field}",
                places=[Place(field=spec.name)],
            )
        return numbers
