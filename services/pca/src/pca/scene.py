"""What a plot shows, in data units, and where that is in pixels."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pca.decomposition import Fit, project

Array: TypeAlias = npt.NDArray[np.float64]

REACH = 2.0  # standard deviations from the mean to either end of a principal axis
_MOST_ARROWS = 12
_ARROW_REACH = 0.7  # of the way to the outermost observation


@dataclass(frozen=True, slots=True, eq=False)
class Arrows:
    """The loadings of the variables on the first two components.

    Attributes:
        tips: (m, 2), each the loadings of a variable times `factor`.
        names: m of them.
        factor: makes the longest arrow about as long as the observations reach.
    """

    tips: Array
    names: tuple[str, ...]
    factor: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is drawn, in data units; y grows upwards.

    Attributes:
        points: (n, 2), the observations.
        mean: (2,), where the principal axes cross and arrows begin.
        axes: (2, 2), from the mean to the positive end of each principal axis.
        labels: what x and y are.
        arrows: for more than two variables.
    """

    points: Array
    mean: Array
    axes: Array
    labels: tuple[str, str]
    arrows: Arrows | None = None


def arrange(values: Array, fit: Fit) -> Scene:
    """Show two variables as they are, more of them by their scores.

    Variables that were standardized are shown in standard deviations from their mean.

    Args:
        values: (n, p), p at least 2.
        fit: theirs, with at least two components.
    """
    deviations = REACH * np.sqrt(fit.explained_variance[:2, np.newaxis])
    if len(fit.names) > 2:  # noqa: PLR2004 - more than a plane shows
        scores = project(fit, values)[:, :2]
        return Scene(
            points=scores,
            mean=np.zeros(2),
            axes=deviations * np.eye(2),
            labels=("score on PC 1", "score on PC 2"),
            arrows=_arrange_arrows(scores, fit),
        )
    x, y = fit.names
    if not fit.standardized:
        return Scene(values, fit.mean, deviations * fit.components, labels=(x, y))
    return Scene(
        points=(values - fit.mean) / fit.scale,
        mean=np.zeros(2),
        axes=deviations * fit.components,
        labels=(f"{x}, standardized", f"{y}, standardized"),
    )


def _arrange_arrows(scores: Array, fit: Fit) -> Arrows:
    loadings = fit.loadings[:2].T
    lengths = np.hypot(loadings[:, 0], loadings[:, 1])
    shown = np.sort(np.argsort(-lengths, kind="stable")[:_MOST_ARROWS])
    factor = float(_ARROW_REACH * np.abs(scores).max() / lengths.max())
    return Arrows(factor * loadings[shown], tuple(fit.names[i] for i in shown), factor)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """A rectangle in pixels, and the data units at its edges.

    Attributes:
        left: pixels; y grows downwards.
        top: pixels.
        width: pixels.
        height: pixels.
        low: (2,), data units at the left and the lower edge.
        high: (2,), data units at the right and the upper edge.
    """

    left: float
    top: float
    width: float
    height: float
    low: Array
    high: Array

    @property
    def right(self) -> float:
        """Pixels."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Pixels."""
        return self.top + self.height

    def to_pixels(self, points: Array) -> Array:
        """Return (n, 2) positions in the picture of (n, 2) points in data units."""
        share = (points - self.low) / (self.high - self.low)
        return share * [self.width, -self.height] + [self.left, self.bottom]


def frame(
    scene: Scene, *, left: float, top: float, width: float, height: float, margin: float
) -> Panel:
    """Show all of the scene, `margin` pixels from the edges, one unit as long on either axis."""
    marks = [scene.points, scene.mean + scene.axes, scene.mean - scene.axes]
    if scene.arrows:
        marks.append(scene.arrows.tips)
    everything = np.vstack(marks)
    low, high = everything.min(axis=0), everything.max(axis=0)
    size = np.array([width, height])
    unit = ((high - low) / (size - 2 * margin)).max()
    middle = low + (high - low) / 2
    half = unit * size / 2
    return Panel(left, top, width, height, low=middle - half, high=middle + half)
