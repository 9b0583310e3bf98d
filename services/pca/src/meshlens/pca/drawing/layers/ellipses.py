"""Ellipses around groups of points in the plane, and what their level means.

With S the sample covariance (divisor n - 1) an ellipse is the set of x with
(x - mean)' S^-1 (x - mean) = r^2, where r^2 is for

- normal: the quantile of chi-square with 2 degrees of freedom;
- t: 2 F(level; 2, n - 1), as `car::dataEllipse` and ggplot2's `stat_ellipse(type="norm")`;
- confidence: 2 (n - 1) / (n (n - 2)) F(level; 2, n - 2), Hotelling's region of the mean.

Both quantiles have closed forms for 2 degrees of freedom in the numerator.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.style import EllipseKind

Array: TypeAlias = npt.NDArray[np.float64]

LEAST_POINTS = 4  # as ggplot2: three points always lie on one
_LEAST_ROUNDNESS = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Ellipse:
    """The set of x with (x - centre)' matrix^-1 (x - centre) = 1.

    Attributes:
        centre: (2,).
        matrix: (2, 2), positive definite.
        group: whose it is.
    """

    centre: Array
    matrix: Array
    group: int = 0

    @property
    def reach(self) -> Array:
        """(2,): how far it extends from its centre along x and y."""
        return np.sqrt(np.diag(self.matrix))


def find_radius(kind: EllipseKind, level: float, n: int) -> float:
    """Return r for n points, n at least 3."""
    match kind:
        case "normal":
            return math.sqrt(-2.0 * math.log1p(-level))
        case "t":
            return math.sqrt(2.0 * _f_quantile(level, n - 1))
        case "confidence":
            return math.sqrt(2.0 * (n - 1) / (n * (n - 2)) * _f_quantile(level, n - 2))
        case "none":
            return 0.0


def find_ellipses(
    points: Array, groups: Groups, kind: EllipseKind, level: float
) -> tuple[tuple[Ellipse, ...], tuple[str, ...]]:
    """Return the ellipse of each group, and the names of groups for which there is none.

    A group has none if it has fewer than four points or all of them on a line.
    """
    if kind == "none":
        return (), ()
    names = groups.names[: -1 if groups.rest else None] or ("all observations",)
    found, skipped = [], []
    for number, name in enumerate(names):
        members = points[groups.codes == number] if len(groups.names) > 1 else points
        matrix = _covariance(members) if len(members) >= LEAST_POINTS else np.zeros((2, 2))
        if np.linalg.det(matrix) <= _LEAST_ROUNDNESS * np.trace(matrix) ** 2:
            skipped.append(f"{name} (n = {len(members)})")
            continue
        radius = find_radius(kind, level, len(members))
        found.append(Ellipse(members.mean(axis=0), radius**2 * matrix, number))
    return tuple(found), tuple(skipped)


def _f_quantile(level: float, freedom: int) -> float:
    """Return the quantile of F with 2 and `freedom` degrees of freedom."""
    return freedom / 2.0 * math.expm1(-2.0 / freedom * math.log1p(-level))


def _covariance(points: Array) -> Array:
    centred = points - points.mean(axis=0)
    matrix: Array = centred.T @ centred / (len(points) - 1)
    return matrix
