"""Scores: observations in the plane of two components, or two variables as they are."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import SCALED
from meshlens.pca.drawing.groups import find_groups
from meshlens.pca.drawing.scenes.plane import (
    REACH,
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
from meshlens.pca.numbers.scaling import Scaling

Array: TypeAlias = npt.NDArray[np.float64]

_TIMES = "\N{MULTIPLICATION SIGN}"


def arrange_scores(subject: Subject) -> Plane:
    """Show two variables as they are, more of them by their scores.

    Variables that were standardized are shown in standard deviations from their mean.
    """
    components, pair = choose_components(subject)
    if len(subject.model.names) == 2 and subject.style.components is None:  # noqa: PLR2004 - the plane itself
        return _arrange_variables(subject, pair)
    table = subject.table
    scores = subject.find_points(lambda values: project(pair, values))
    arrows = choose_arrows(pair.loadings.T, subject, "loadings", points=scores)
    return Plane(
        subject=subject,
        labels=name_axes(subject.model, components),
        definition=_define(arrows),
        zero=True,
        points=scores,
        names=table.labels,
        groups=find_groups(table.groups, len(scores)),
        factor=find_factor(subject),
        factor_name=table.shape.name if table.shape else "",
        shading=shade_observations(subject, pair, scores),
        supplementary=subject.new,
        components=components,
        whiten=np.diag(invert(np.sqrt(pair.explained_variance))),
        mean=np.zeros(2),
        arrows=arrows,
        cloud=subject.cloud,
    )


def _arrange_variables(subject: Subject, model: PcaModel) -> Plane:
    table = subject.table
    deviations = np.sqrt(model.explained_variance)
    mean, (x, y) = model.mean, model.names
    points = subject.find_points(lambda values: _scale(values, model))
    if model.scaling is not Scaling.NONE:
        mean = np.zeros(2)
        x, y = (f"{name}, {SCALED[model.scaling]}" for name in (x, y))
    return Plane(
        subject=subject,
        labels=(x, y),
        points=points,
        names=table.labels,
        groups=find_groups(table.groups, len(points)),
        factor=find_factor(subject),
        factor_name=table.shape.name if table.shape else "",
        shading=shade_observations(subject, model, project(model, table.values)),
        supplementary=subject.new,
        components=(0, 1),
        whiten=invert(deviations)[:, np.newaxis] * model.components,
        mean=mean,
        axes=REACH * deviations[:, np.newaxis] * model.components,
        cloud=subject.cloud,
    )


def _scale(values: Array, model: PcaModel) -> Array:
    return values if model.scaling is Scaling.NONE else (values - model.mean) / model.scale


def _define(arrows: Arrows | None) -> str:
    scores = "Raw scores, not rescaled."
    if arrows is None:
        return scores
    loadings = f"loadings (components {_TIMES} standard deviations of their scores)"
    return f"{scores} Arrows: {loadings}, drawn {_TIMES} {arrows.factor:.3g}."
