"""Which observations a picture needs as points: all of a few, of many those at its edges."""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layers.labels import MOST_LABELS, choose_labels

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Observations of neighbouring rows, as points of a plane, in their order.

    Attributes:
        rows: how many rows there are, those left out included.
        whole: whether all observations are kept; else those that reach farthest along x and y, and
            as many of the outermost as a picture can label.
        numbers: (m,), of the observations among the rows, from 1.
        points: (m, 2).
        distances: (m,), squared Mahalanobis distances from the mean in the plane.
    """

    rows: int
    whole: bool
    numbers: Whole
    points: Array
    distances: Array

    @classmethod
    def empty(cls, *, whole: bool) -> Self:
        """Return the outline of no rows."""
        return cls(0, whole, np.zeros(0, dtype=np.intp), np.zeros((0, 2)), np.zeros(0))

    def add(self, numbers: Whole, points: Array, distances: Array, *, rows: int) -> Self:
        """Return the outline of these rows and of some that follow them.

        Args:
            numbers: (m,), of observations among the rows that follow, from 1.
            points: (m, 2).
            distances: (m,).
            rows: that follow.
        """
        numbers = np.concatenate([self.numbers, numbers + self.rows])
        points = np.concatenate([self.points, points])
        distances = np.concatenate([self.distances, distances])
        kept = slice(None) if self.whole else _choose(points, distances)
        return type(self)(
            self.rows + rows, self.whole, numbers[kept], points[kept], distances[kept]
        )

    def merge(self, other: Self) -> Self:
        """Return the outline of these rows and of those of another one that follow them."""
        return self.add(other.numbers, other.points, other.distances, rows=other.rows)


def _choose(points: Array, distances: Array) -> Whole:
    """Return the places of points at the edges, in order."""
    if len(points) <= MOST_LABELS:
        return np.arange(len(points))
    # The outermost of those alone that can be among them: a block may have a million points.
    limit = np.partition(distances, -MOST_LABELS)[-MOST_LABELS]
    beyond = np.flatnonzero(distances >= limit)
    outermost = beyond[choose_labels(distances[beyond], "all")]
    ends = [*points.argmin(axis=0), *points.argmax(axis=0)]
    return np.union1d(outermost, ends)
