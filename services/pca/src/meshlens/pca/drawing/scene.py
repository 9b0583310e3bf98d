"""What a picture of observations shows, in data units."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import PcaModel, project

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


def arrange(values: Array, model: PcaModel, style: Style) -> Scene:
    """Show two variables as they are, more of them by their scores.

    Variables that were standardized are shown in standard deviations from their mean.

    Args:
        values: (n, p), p at least 2.
        model: theirs or an earlier one, with at least two components.
        style: kind is not scree.
    """
    if style.kind == "loadings":
        return _arrange_loadings(model, style)
    if style.kind == "biplot":
        return _arrange_biplot(values, model, style)
    if len(model.names) == 2 and style.components is None:  # noqa: PLR2004 - the plane itself
        return _arrange_plane(values, model)
    chosen = _choose(model, style)
    scores = project(chosen, values)
    arrows = _arrange_arrows(chosen.loadings.T, model.names, _reach(scores), style.arrows)
    deviations = np.sqrt(chosen.explained_variance)
    return Scene(
        points=scores,
        whiten=np.diag(_invert(deviations)),
        mean=np.zeros(2),
        labels=name_axes(model, style),
        arrows=arrows,
    )


def _arrange_plane(values: Array, model: PcaModel) -> Scene:
    deviations = np.sqrt(model.explained_variance[:2])
    axes = REACH * deviations[:, np.newaxis] * model.components
    whiten = _invert(deviations)[:, np.newaxis] * model.components
    x, y = model.names
    if not model.standardized:
        return Scene(values, whiten, model.mean, (x, y), axes)
    labels = (f"{x}, standardized", f"{y}, standardized")
    return Scene((values - model.mean) / model.scale, whiten, np.zeros(2), labels, axes)


def _arrange_biplot(values: Array, model: PcaModel, style: Style) -> Scene:
    """Divide scores by, and multiply components by, (standard deviation x sqrt(n))^alpha.

    These are the coordinates of R's `biplot.prcomp(x, scale=alpha)`, n being that of the model.
    """
    chosen = _choose(model, style)
    deviations = np.sqrt(chosen.explained_variance * model.n)
    weights = deviations**style.alpha
    points = project(chosen, values) * _invert(weights)
    tips = (chosen.components * weights[:, np.newaxis]).T
    return Scene(
        points=points,
        whiten=np.diag(_invert(deviations) * weights * np.sqrt(model.n)),
        mean=np.zeros(2),
        labels=name_axes(model, style),
        arrows=_arrange_arrows(tips, model.names, _reach(points), style.arrows),
    )


def _arrange_loadings(model: PcaModel, style: Style) -> Scene:
    loadings = _choose(model, style).loadings.T
    arrows = _arrange_arrows(loadings, model.names, None, style.arrows)
    shown = set(arrows.places if arrows else ())
    others = [place for place in range(len(model.names)) if place not in shown]
    return Scene(
        points=loadings[others],
        whiten=np.eye(2),
        mean=np.zeros(2),
        labels=name_axes(model, style),
        arrows=arrows,
        names=tuple(model.names[place] for place in others),
        # Scales have divisor n and variances n - 1: a correlation of 1 is this loading.
        circle=float(np.sqrt(model.n / (model.n - 1))) if model.standardized else 0.0,
    )


def name_axes(model: PcaModel, style: Style) -> tuple[str, str]:
    """Return the names of the two components, with their shares of the variance."""
    x, y = (name_component(model, i) for i in style.choose_components(len(model.components)))
    return x, y


def name_component(model: PcaModel, place: int) -> str:
    """Return the name of a component, counted from 0, with its share of the variance."""
    return f"PC {place + 1} ({100 * model.explained_variance_ratio[place]:.1f} %)"


def _choose(model: PcaModel, style: Style) -> PcaModel:
    """Return the model with the two components that are drawn."""
    chosen = list(style.choose_components(len(model.components)))
    return replace(
        model,
        components=model.components[chosen],
        explained_variance=model.explained_variance[chosen],
        explained_variance_ratio=model.explained_variance_ratio[chosen],
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
