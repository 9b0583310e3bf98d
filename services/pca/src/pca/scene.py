"""What a picture of observations shows, in data units."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pca.decomposition import Fit, project
from pca.look import Look

Array: TypeAlias = npt.NDArray[np.float64]

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
    """

    tips: Array
    names: tuple[str, ...]
    factor: float
    places: tuple[int, ...]
    hidden: int


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is drawn, in data units; y grows upwards.

    Attributes:
        points: (n, 2), the observations; in a picture of loadings, the variables.
        whiten: (2, 2), brings a point, less the mean, to scores of variance 1.
        mean: (2,), where principal axes cross and arrows begin.
        labels: what x and y are.
        axes: (2, 2), from the mean to the positive end of each principal axis, where these are not
            the directions of the picture itself.
        arrows: for more than two variables.
        names: of the points, where they are variables; those with arrows are not among them.
        circle: radius on which a variable lies that the plane explains completely.
    """

    points: Array
    whiten: Array
    mean: Array
    labels: tuple[str, str]
    axes: Array | None = None
    arrows: Arrows | None = None
    names: tuple[str, ...] = ()
    circle: float = 0.0

    def distances(self) -> Array:
        """Return (n,) squared Mahalanobis distances of the points from the mean in the plane."""
        x, y = self.points[:, 0] - self.mean[0], self.points[:, 1] - self.mean[1]
        (a, b), (c, d) = self.whiten.tolist()
        squares: Array = (a * x + b * y) ** 2 + (c * x + d * y) ** 2
        return squares


def arrange(values: Array, fit: Fit, look: Look) -> Scene:
    """Show two variables as they are, more of them by their scores.

    Variables that were standardized are shown in standard deviations from their mean.

    Args:
        values: (n, p), p at least 2.
        fit: theirs or an earlier one, with at least two components.
        look: kind is not scree.
    """
    if look.kind == "loadings":
        return _arrange_loadings(fit, look)
    if look.kind == "biplot":
        return _arrange_biplot(values, fit, look)
    if len(fit.names) == 2 and look.components is None:  # noqa: PLR2004 - the plane itself
        return _arrange_plane(values, fit)
    chosen = _choose(fit, look)
    scores = project(chosen, values)
    arrows = _arrange_arrows(chosen.loadings.T, fit.names, _reach(scores), look.arrows)
    deviations = np.sqrt(chosen.explained_variance)
    return Scene(
        points=scores,
        whiten=np.diag(_invert(deviations)),
        mean=np.zeros(2),
        labels=name_axes(fit, look),
        arrows=arrows,
    )


def _arrange_plane(values: Array, fit: Fit) -> Scene:
    deviations = np.sqrt(fit.explained_variance[:2])
    axes = REACH * deviations[:, np.newaxis] * fit.components
    whiten = _invert(deviations)[:, np.newaxis] * fit.components
    x, y = fit.names
    if not fit.standardized:
        return Scene(values, whiten, fit.mean, (x, y), axes)
    labels = (f"{x}, standardized", f"{y}, standardized")
    return Scene((values - fit.mean) / fit.scale, whiten, np.zeros(2), labels, axes)


def _arrange_biplot(values: Array, fit: Fit, look: Look) -> Scene:
    """Divide scores by, and multiply components by, (standard deviation x sqrt(n))^alpha.

    These are the coordinates of R's `biplot.prcomp(x, scale=alpha)`, n being that of the fit.
    """
    chosen = _choose(fit, look)
    deviations = np.sqrt(chosen.explained_variance * fit.n)
    weights = deviations**look.alpha
    points = project(chosen, values) * _invert(weights)
    tips = (chosen.components * weights[:, np.newaxis]).T
    return Scene(
        points=points,
        whiten=np.diag(_invert(deviations) * weights * np.sqrt(fit.n)),
        mean=np.zeros(2),
        labels=name_axes(fit, look),
        arrows=_arrange_arrows(tips, fit.names, _reach(points), look.arrows),
    )


def _arrange_loadings(fit: Fit, look: Look) -> Scene:
    loadings = _choose(fit, look).loadings.T
    arrows = _arrange_arrows(loadings, fit.names, None, look.arrows)
    shown = set(arrows.places if arrows else ())
    others = [place for place in range(len(fit.names)) if place not in shown]
    return Scene(
        points=loadings[others],
        whiten=np.eye(2),
        mean=np.zeros(2),
        labels=name_axes(fit, look),
        arrows=arrows,
        names=tuple(fit.names[place] for place in others),
        # Scales have divisor n and variances n - 1: a correlation of 1 is this loading.
        circle=float(np.sqrt(fit.n / (fit.n - 1))) if fit.standardized else 0.0,
    )


def name_axes(fit: Fit, look: Look) -> tuple[str, str]:
    """Return the names of the two components, with their shares of the variance."""
    x, y = (name_component(fit, i) for i in look.choose_components(len(fit.components)))
    return x, y


def name_component(fit: Fit, place: int) -> str:
    """Return the name of a component, counted from 0, with its share of the variance."""
    return f"PC {place + 1} ({100 * fit.explained_variance_ratio[place]:.1f} %)"


def _choose(fit: Fit, look: Look) -> Fit:
    """Return the fit with the two components that are drawn."""
    chosen = list(look.choose_components(len(fit.components)))
    return replace(
        fit,
        components=fit.components[chosen],
        explained_variance=fit.explained_variance[chosen],
        explained_variance_ratio=fit.explained_variance_ratio[chosen],
    )


def _arrange_arrows(
    tips: Array, names: tuple[str, ...], reach: float | None, most: int
) -> Arrows | None:
    """Keep the longest arrows, in the order of the variables.

    Args:
        tips: (p, 2).
        names: p of them.
        reach: how far the observations do; None leaves the arrows as long as they are.
        most: arrows to keep.
    """
    lengths = np.hypot(tips[:, 0], tips[:, 1])
    longest = float(lengths.max())
    if not most or longest == 0.0:
        return None
    shown = np.sort(np.argsort(-lengths, kind="stable")[:most])
    factor = _ARROW_REACH * reach / longest if reach else 1.0
    places = tuple(shown.tolist())
    return Arrows(
        tips=factor * tips[shown],
        names=tuple(names[place] for place in places),
        factor=factor,
        places=places,
        hidden=len(names) - len(places),
    )


def _reach(points: Array) -> float:
    return max(float(abs(edge)) for axis in (0, 1) for edge in _ends(points[:, axis]))


def _ends(column: Array) -> tuple[float, float]:
    return float(column.min()), float(column.max())


def _invert(deviations: Array) -> Array:
    """Return 1 / deviations, and 0 where there is no deviation but rounding."""
    least = np.sqrt(_NO_VARIANCE) * float(np.abs(deviations).max())
    real = (deviations > least) & (deviations > 0)
    return np.divide(1.0, deviations, out=np.zeros_like(deviations), where=real)
