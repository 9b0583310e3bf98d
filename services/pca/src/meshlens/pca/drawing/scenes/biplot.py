"""Biplot: scores and variables in coordinates whose product is the data."""

import numpy as np

from meshlens.pca.drawing.groups import find_groups
from meshlens.pca.drawing.scenes.plane import (
    Arrows,
    Plane,
    choose_arrows,
    choose_components,
    find_factor,
    invert,
    name_axes,
)
from meshlens.pca.drawing.scenes.scene import Subject
from meshlens.pca.drawing.scenes.shading import shade_observations
from meshlens.pca.numbers.decomposition import project

_TIMES = "\N{MULTIPLICATION SIGN}"


def arrange_biplot(subject: Subject) -> Plane:
    """Divide scores by, and multiply components by, (standard deviation x sqrt(n))^alpha.

    These are the coordinates of R's `biplot.prcomp(x, scale=alpha)`, n being that of the model.
    """
    components, pair = choose_components(subject)
    table, model, alpha = subject.table, subject.model, subject.style.alpha
    deviations = np.sqrt(pair.explained_variance * model.n)
    weights = deviations**alpha
    scores = project(pair, table.values)
    points = scores * invert(weights)
    tips = (pair.components * weights[:, np.newaxis]).T
    arrows = choose_arrows(tips, subject, "variables", points=points)
    return Plane(
        subject=subject,
        labels=name_axes(model, components),
        definition=_define(alpha, arrows),
        zero=True,
        points=points,
        names=table.labels,
        groups=find_groups(table.groups, len(points)),
        factor=find_factor(subject),
        factor_name=table.shape.name if table.shape else "",
        shading=shade_observations(subject, pair, scores),
        supplementary=subject.new,
        components=components,
        whiten=np.diag(invert(deviations) * weights * np.sqrt(model.n)),
        mean=np.zeros(2),
        arrows=arrows,
    )


def _define(alpha: float, arrows: Arrows | None) -> str:
    drawn = f", drawn {_TIMES} {arrows.factor:.3g}" if arrows else ""
    return (
        f"Biplot with alpha = {alpha:g}, as R's biplot.prcomp(scale = {alpha:g}):"
        f" scores / (s\N{SQUARE ROOT}n)^alpha; arrows: components {_TIMES}"
        f" (s\N{SQUARE ROOT}n)^alpha{drawn}."
    )
