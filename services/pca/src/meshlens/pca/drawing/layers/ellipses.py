"""Ellipses around groups of points in the plane, and what their level means.

With S the sample covariance (divisor n - 1) an ellipse is the set of x with
(x - mean)' S^-1 (x - mean) = r^2, where r^2 is for

- normal: the quantile of chi-square with 2 degrees of freedom;
- t: 2 F(level; 2, n - 1), as `car::dataEllipse` and ggplot2's `stat_ellipse(type="norm")`;
- confidence: 2 (n - 1) / (n (n - 2)) F(level; 2, n - 2), Hotelling's region of the mean.

Both quantiles have closed forms for 2 degrees of freedom in the numerator.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.style import EllipseKind
from meshlens.pca.drawing.svg.marks import Mark, element, ellipse
from meshlens.pca.drawing.svg.palette import colour_of

Array: TypeAlias = npt.NDArray[np.float64]

_LEAST_POINTS = 4  # as ggplot2: three points always lie on one
_LEAST_ROUNDNESS = 1e-12
_TURNS = np.linspace(0.0, 2.0 * np.pi, 90)
_ROUND = np.column_stack([np.cos(_TURNS), np.sin(_TURNS)])
_MOST_SKIPPED = 6  # groups that the caption names
_SYMBOL = ' cx="8" cy="-4" rx="8" ry="5" class="ellipse ink"'
_DEFINITIONS: Mapping[EllipseKind, str] = {
    "normal": "chi-square with 2 d.o.f.",
    "t": "2 F(2, n\N{NO-BREAK SPACE}\N{MINUS SIGN}\N{NO-BREAK SPACE}1)",
    "confidence": "after Hotelling",
}


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

    def outline(self) -> Array:
        """Return points (m, 2) on it, all the way round."""
        values, vectors = np.linalg.eigh(self.matrix)
        outline: Array = self.centre + _ROUND * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
        return outline


@dataclass(frozen=True, slots=True, eq=False)
class Ellipses(Layer[Plane]):
    """An ellipse around each group, or around all points.

    Attributes:
        ellipses: in data units.
        skipped: groups that have none.
        classes: of the groups' colours.
        kind: by which definition.
        level: of the definition, between 0 and 1.
        crowded: they stand on cells, which may have their colours.
    """

    ellipses: Sequence[Ellipse]
    skipped: Sequence[str]
    classes: Sequence[str]
    kind: EllipseKind
    level: float
    crowded: bool = False
    options: ClassVar[Sequence[str]] = ("ellipse", "level")

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the ellipses, if the style says any."""
        style, groups = scene.subject.style, scene.groups
        if style.ellipse == "none":
            return None
        found, skipped = find_ellipses(scene.points, groups, style.ellipse, style.level)
        classes = [colour_of(number) for number in range(len(groups.names))] or ["ink"]
        if scene.shading:
            classes = ["ink"] * len(classes)
        return cls(found, skipped, classes, style.ellipse, style.level, scene.crowded)

    @property
    def name(self) -> str:
        """What the picture calls an ellipse."""
        kind = "confidence of mean" if self.kind == "confidence" else self.kind
        return f"{100 * self.level:g} % {kind}"

    def extent(self) -> Sequence[Array]:
        """Return two opposite corners of the box around each."""
        return [each.centre + np.outer([-1.0, 1.0], each.reach) for each in self.ellipses]

    def legend(self) -> Sequence[Section]:
        """Return an ellipse and its name."""
        return (Section("", (entry(element("ellipse", _SYMBOL), self.name),)),)

    def caption(self) -> Sequence[str]:
        """Return the definition, and which groups have too few points for it."""
        sentences = [f"Ellipses: {self.name} ({_DEFINITIONS[self.kind]})."]
        if self.skipped:
            sentences.append(f"Too few points for one: {join_names(self.skipped, _MOST_SKIPPED)}.")
        return sentences

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw each in the colour of its group."""
        panel = canvas.panel
        for each in self.ellipses:
            canvas.avoid_line(panel.to_pixels(each.outline()))
        scale = np.outer(panel.unit, panel.unit)
        drawn = []
        for each in self.ellipses:
            place = panel.to_pixels(each.centre), each.matrix * scale
            if self.crowded:
                drawn.append(ellipse(*place, "halo"))
            drawn.append(ellipse(*place, f"ellipse {self.classes[each.group]}"))
        return drawn

    def spoken(self) -> Sequence[str]:
        """Return the name."""
        return (f"ellipses: {self.name}",)


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
        matrix = _covariance(members) if len(members) >= _LEAST_POINTS else np.zeros((2, 2))
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
