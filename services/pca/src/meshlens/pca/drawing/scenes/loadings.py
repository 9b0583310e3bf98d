"""Loadings: the variables alone, as the components see them."""

from dataclasses import replace

import numpy as np

from meshlens.pca.drawing.groups import find_groups
from meshlens.pca.drawing.scenes.plane import Plane, choose_arrows, choose_components, name_axes
from meshlens.pca.drawing.scenes.scene import Subject
from meshlens.pca.drawing.scenes.shading import shade_variables

_TIMES = "\N{MULTIPLICATION SIGN}"
_DEFINITION = f"Loadings: components {_TIMES} standard deviations of their scores."


def arrange_loadings(subject: Subject) -> Plane:
    """Show the longest loadings as arrows, and the other variables as points."""
    components, pair = choose_components(subject)
    model = subject.model
    loadings = pair.loadings.T
    arrows = choose_arrows(loadings, subject, "loadings")
    shown = set(arrows.places if arrows else ())
    shading = shade_variables(subject, pair)
    if arrows and shading:
        arrows = replace(arrows, shades=tuple(shading.codes()[[*arrows.places]].tolist()))
    others = [place for place in range(len(model.names)) if place not in shown]
    return Plane(
        subject=subject,
        labels=name_axes(model, components),
        definition=_DEFINITION,
        zero=True,
        points=loadings[others],
        names=tuple(model.names[place] for place in others),
        groups=find_groups((), len(others)),
        shading=shading and replace(shading, values=shading.values[others]),
        supplementary=False,
        components=components,
        whiten=np.eye(2),
        mean=np.zeros(2),
        arrows=arrows,
        # A correlation of 1 is this loading: more than 1 where only the scales have divisor n.
        circle=float(np.sqrt(model.variance.max())) if model.standardized else 0.0,
        of_variables=True,
    )
