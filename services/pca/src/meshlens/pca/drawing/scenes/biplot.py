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
from meshlens.pca.numbers.decomposition import PcaModel, project

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
    points = subject.find_points(lambda _: scores * invert(weights))
    tips = (pair.components * weights[:, np.newaxis]).T
    arrows = choose_arrows(tips, subject, "variables", points=points)
    return Plane(
        subject=subject,
        labels=name_axes(model, components),
        definition=_define(alpha, arrows, model),
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
        cloud=subject.cloud,
    )


def _define(alpha: float, arrows: Arrows | None, model: PcaModel) -> str:
    scales, variances = model.divisor.of_scales(2, model.scaling), model.divisor.of_variances(2)
    # With n in either, arrows are 1 % longer or shorter than R's for 50 observations.
    as_r = scales == variances == 1
    like = "as R's" if as_r else "but for its divisor (divisor=n-1) as R's"
    drawn = f", drawn {_TIMES} {arrows.factor:.3g}" if arrows else ""
    return (
        f"Biplot with alpha = {alpha:g}, {like} biplot.prcomp(scale = {alpha:g}):"
        f" scores / (s\N{SQUARE ROOT}n)^alpha; arrows: components {_TIMES}"
        f" (s\N{SQUARE ROOT}n)^alpha{drawn}."
    )
