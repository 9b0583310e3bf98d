"""Points in a plane, and what every kind of picture of them is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import name_component
from meshlens.pca.drawing.groups import Groups, Looks, find_groups
from meshlens.pca.drawing.scenes.scene import Scene, Subject
from meshlens.pca.drawing.scenes.shading import STEPS, Shading
from meshlens.pca.drawing.scenes.tally import Cloud
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.decomposition import PcaModel

Array: TypeAlias = npt.NDArray[np.float64]

MOST_MARKS, MOST_SMALL_MARKS = 3000, 1000
_MOST_SHAPES = 7
REACH = 2.0  # standard deviations from the mean to either end of a principal axis
_ARROW_REACH = 0.7  # of the way to the outermost observation
_NO_VARIANCE = 1e-24  # of the first: below, a variance is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Arrows:
    """Directions of variables.

    Attributes:
        tips: (m, 2), each what the picture says arrows are, times `factor`.
        names: m of them.
        factor: makes the longest arrow about as long as the observations reach.
        places: m of them, among the variables.
        hidden: how many shorter ones are left out.
        shades: m of them, steps of the scale of colours; empty if they have one colour.
        meaning: what the legend calls them.
    """

    tips: Array
    names: tuple[str, ...]
    factor: float
    places: tuple[int, ...]
    hidden: int
    meaning: str
    shades: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plane(Scene):
    """Points in the plane of two components, or of two variables.

    Attributes:
        points: (n, 2), the observations; in a picture of loadings, the variables; those of the
            cloud, if there is one.
        names: of the points; none to number them. Variables with arrows are not among them.
        groups: of the points.
        factor: further groups, which shape the points if there are any.
        factor_name: what these are.
        shading: numbers that colour the points; without, their groups do.
        supplementary: the components were not fitted to the points.
        components: the places of the two that span the plane.
        whiten: (2, 2), brings a point, less the mean, to scores of variance 1.
        mean: (2,), where principal axes cross and arrows begin.
        axes: (2, 2), from the mean to the positive end of each principal axis, where these are not
            the directions of the picture itself.
        arrows: for more than two variables.
        cell: one of several planes in a picture; whether x is named below it, and y to its left.
        circle: radius on which a variable lies that the plane explains completely.
        of_variables: the points are variables, not observations.
        cloud: what is known of observations that are not at hand.
    """

    points: Array
    names: Sequence[str]
    groups: Groups
    factor: Groups | None = None
    factor_name: str = ""
    shading: Shading | None = None
    supplementary: bool
    components: tuple[int, int]
    whiten: Array
    mean: Array
    axes: Array | None = None
    arrows: Arrows | None = None
    circle: float = 0.0
    cell: tuple[bool, bool] | None = None
    of_variables: bool = False
    cloud: Cloud | None = None

    @property
    def n(self) -> int:
        """How many points there are, at hand or not."""
        return len(self.points) if self.cloud is None else self.cloud.n

    @property
    def small(self) -> bool:
        """Whether it is one of several, so that marks are small and have no titles."""
        return self.cell is not None

    @property
    def crowded(self) -> bool:
        """Whether the points are too many for a mark each."""
        return self.n > (MOST_SMALL_MARKS if self.small else MOST_MARKS)

    def looks(self) -> Looks:
        """Return what the points look like."""
        groups, shapes = self.groups, self.factor or self.groups
        if self.shading:
            classes = (*(f"scale{step}" for step in range(STEPS)), "rest")
            return Looks(self.shading.codes(), classes, shapes.codes)
        classes = tuple(groups.colour_class(number) for number in range(len(groups.names)))
        return Looks(groups.codes, classes or (groups.colour_class(0),), shapes.codes)

    def introduce(self) -> str:
        """Return how the spoken description begins."""
        x, y = self.labels
        return f"{self.subject.summary}: {x} and {y}"

    def extent(self) -> Sequence[Array]:
        """Return what the panel shows whatever is drawn: (n, 2) parts."""
        return self.points, self.mean[np.newaxis]

    def distances(self) -> Array:
        """Return (n,) squared Mahalanobis distances of the points from the mean in the plane."""
        x, y = self.points[:, 0] - self.mean[0], self.points[:, 1] - self.mean[1]
        (a, b), (c, d) = self.whiten.tolist()
        squares: Array = (a * x + b * y) ** 2 + (c * x + d * y) ** 2
        return squares

    def component_class(self, place: int) -> str:
        """Return the class of a component's colour; groups keep the colours to themselves."""
        return "ink" if self.axes is None or self.groups.names else f"pc{place + 1}"


def choose_components(subject: Subject) -> tuple[tuple[int, int], PcaModel]:
    """Return the places of the two components to draw, and the model with these alone.

    Raises:
        InvalidTable: there is one variable only, so nothing to draw against it.
        InvalidOption: the model has no such component, or the two are one.
    """
    model = subject.model
    k = len(model.components)
    if len(model.names) < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidTable(
            "a plot needs at least 2 variables",
            got=f"1, {model.names[0]}",
            remedy="send two or more columns of numbers (columns of names and groups are no"
            " variables), or choose kind=scree",
        )
    if k < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidOption(
            "a plot needs a model of at least 2 components",
            got="1",
            remedy="fit the points again without k=1, or choose kind=scree",
            option="fit",
        )
    chosen = subject.style.components or (1, 2)
    if len(chosen) != 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidOption(
            f"kind={subject.style.kind} shows two components",
            got=repr(",".join(map(str, chosen))),
            remedy="name two, or choose kind=pairs for more",
            option="components",
        )
    x, y = chosen
    if x == y or not 1 <= min(x, y) <= max(x, y) <= k:
        raise InvalidOption(
            f"components must be two different numbers from 1 to {k}",
            got=f"{x},{y}",
            remedy="choose two of these, or leave the option out for the first two",
            option="components",
        )
    if (x, y, k) == (1, 2, 2):
        return (0, 1), model
    return (x - 1, y - 1), keep_components(model, (x - 1, y - 1))


def keep_components(model: PcaModel, places: Sequence[int]) -> PcaModel:
    """Return a model with some of its components alone, counted from 0."""
    chosen = [*places]
    return replace(
        model,
        components=model.components[chosen],
        explained_variance=model.explained_variance[chosen],
        explained_variance_ratio=model.explained_variance_ratio[chosen],
    )


def find_factor(subject: Subject) -> Groups | None:
    """Return the groups that shape the observations, None if the caller has chosen none.

    Raises:
        InvalidOption: there are too many, or there is no such column.
    """
    shape = subject.table.shape
    if shape is None:
        if subject.style.shape:
            raise InvalidOption(
                "shape must name a column of labels",
                got=subject.style.shape,
                remedy="name a column, or leave the option out",
                option="shape",
            )
        return None
    factor = find_groups(shape.labels, len(subject.table.values))
    if len(factor.names) > _MOST_SHAPES:
        raise InvalidOption(
            f"shape goes with at most {_MOST_SHAPES} labels",
            got=f"{len(factor.names)} in {shape.name}",
            remedy=f"choose another column, or show {shape.name} by colour with group={shape.name}",
            option="shape",
        )
    return factor


def name_axes(model: PcaModel, components: tuple[int, int]) -> tuple[str, str]:
    """Return the names of two components, counted from 0, with their shares of the variance."""
    x, y = components
    return name_component(model, x), name_component(model, y)


def choose_arrows(
    tips: Array, subject: Subject, meaning: str, *, points: Array | None = None
) -> Arrows | None:
    """Return the longest arrows, in the order of the variables; None if there is none to see.

    Args:
        tips: (p, 2).
        subject: names the variables, and says how many arrows at most.
        meaning: what the legend calls the arrows.
        points: (n, 2), beside which the arrows are scaled to be seen; None leaves their length.
    """
    lengths = np.hypot(tips[:, 0], tips[:, 1])
    longest = float(lengths.max())
    most = subject.style.arrows
    if not most or longest == 0.0:
        return None
    shown = np.sort(np.argsort(-lengths, kind="stable")[:most])
    reach = 0.0 if points is None else _reach(points)
    names = subject.model.names
    factor = _ARROW_REACH * reach / longest if reach else 1.0
    places = tuple(shown.tolist())
    return Arrows(
        tips=factor * tips[shown],
        names=tuple(names[place] for place in places),
        factor=factor,
        places=places,
        hidden=len(names) - len(places),
        meaning=meaning,
    )


def invert(deviations: Array) -> Array:
    """Return 1 / deviations, and 0 where there is no deviation but rounding."""
    least = np.sqrt(_NO_VARIANCE) * float(np.abs(deviations).max())
    real = (deviations > least) & (deviations > 0)
    return np.divide(1.0, deviations, out=np.zeros_like(deviations), where=real)


def _reach(points: Array) -> float:
    """Return the greatest coordinate, whatever its sign."""
    columns = (points[:, axis] for axis in (0, 1))
    return max(abs(float(edge)) for column in columns for edge in (column.min(), column.max()))
