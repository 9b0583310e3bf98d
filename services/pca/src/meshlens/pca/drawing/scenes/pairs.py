"""Pairs: every two of the first components, each in a plane of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names, name_component
from meshlens.pca.drawing.groups import find_groups
from meshlens.pca.drawing.layout.panel import Panel, frame
from meshlens.pca.drawing.scenes.plane import (
    Plane,
    find_factor,
    invert,
    keep_components,
    name_axes,
)
from meshlens.pca.drawing.scenes.scene import Scene, Subject
from meshlens.pca.drawing.scenes.shading import shade_observations
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import project

Array: TypeAlias = npt.NDArray[np.float64]

_LEAST, _USUAL, _MOST = 3, 4, 6
_GAP = 10.0
_MARGIN = 10.0  # from the outermost mark of a plane to its edge


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pairs(Scene):
    """Planes below the diagonal of a square of components.

    Attributes:
        components: their places; the first runs along x of the first column.
        planes: by row and column from 0, of the second and further components against earlier ones.
    """

    components: tuple[int, ...]
    planes: Sequence[tuple[int, int, Plane]]

    def introduce(self) -> str:
        """Return how the spoken description begins."""
        names = [name_component(self.subject.model, place) for place in self.components]
        return f"{self.subject.summary}: every two of {join_names(names)}"

    @property
    def parts(self) -> Sequence[Plane]:
        """The planes."""
        return [plane for _, _, plane in self.planes]

    def divide(self, panel: Panel, spans: Sequence[tuple[Array, Array]]) -> Sequence[Panel]:
        """Return the panel of each plane; a component has the same scale in a row or a column."""
        count = len(self.components) - 1
        width, height = ((side + _GAP) / count - _GAP for side in (panel.width, panel.height))
        low, high = np.full(count + 1, np.inf), np.full(count + 1, -np.inf)
        for (row, column, _), (least, most) in zip(self.planes, spans, strict=True):
            both = [column, row + 1]
            low[both], high[both] = np.minimum(low[both], least), np.maximum(high[both], most)
        return [
            frame(
                low[[column, row + 1]],
                high[[column, row + 1]],
                left=panel.left + column * (width + _GAP),
                top=panel.top + row * (height + _GAP),
                width=width,
                height=height,
                margin=_MARGIN,
                equal=False,
            )
            for row, column, _ in self.planes
        ]


def arrange_pairs(subject: Subject) -> Pairs:
    """Show observations in the planes of several components.

    Raises:
        InvalidOption: the model has no such components, or fewer than three.
    """
    components = _choose(subject)
    table = subject.table
    model = keep_components(subject.model, components)
    scores = project(model, table.values)
    groups, factor = find_groups(table.groups, len(scores)), find_factor(subject)
    shading = shade_observations(subject, model, scores)
    weights = invert(np.sqrt(model.explained_variance))
    planes = [
        (
            row - 1,
            column,
            Plane(
                subject=subject,
                labels=name_axes(subject.model, (components[column], components[row])),
                zero=True,
                points=scores[:, [column, row]],
                names=table.labels,
                groups=groups,
                factor=factor,
                factor_name=table.shape.name if table.shape else "",
                shading=shading,
                supplementary=subject.new,
                components=(components[column], components[row]),
                whiten=np.diag(weights[[column, row]]),
                mean=np.zeros(2),
                cell=(row == len(components) - 1, column == 0),
            ),
        )
        for row in range(1, len(components))
        for column in range(row)
    ]
    return Pairs(
        subject=subject,
        labels=("", ""),
        definition="Raw scores, not rescaled; each component has a scale of its own.",
        limits=(np.zeros(2), np.ones(2)),
        components=components,
        planes=planes,
    )


def _choose(subject: Subject) -> tuple[int, ...]:
    """Return the places of the components."""
    k = len(subject.model.components)
    chosen = subject.style.components or tuple(range(1, min(k, _USUAL) + 1))
    in_range = all(1 <= number <= k for number in chosen)
    if not _LEAST <= len(chosen) <= _MOST or len(set(chosen)) < len(chosen) or not in_range:
        raise InvalidOption(
            f"kind=pairs needs {_LEAST} to {_MOST} different components from 1 to {k}",
            got=",".join(map(str, chosen)),
            remedy="choose such components, or kind=scores for two",
            option="components" if subject.style.components else "kind",
        )
    return tuple(number - 1 for number in chosen)
