"""Labels of observations, where there is room for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas, write_names
from meshlens.pca.drawing.layout.text_width import FINE, SMALL, shorten
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.style import LabelRule
from meshlens.pca.drawing.svg.marks import Mark
from meshlens.pca.drawing.svg.palette import radius_for
from meshlens.pca.numbers.outliers import find_outliers

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

MOST_LABELS, _MOST_OUTLIERS = 500, 20
_MOST_NAMED = 60  # observations that are all labelled, if the caller leaves the choice
_MANY = 24  # from here on in a finer face
_WIDTHS = 220.0, 110.0  # pixels, the second where there is no room for the first


@dataclass(slots=True, eq=False)
class Labels(Layer[Plane]):
    """The names of observations, or their numbers.

    Attributes:
        plane: the points.
        chosen: the places of those to label, the most important first.
        outliers: these are the outliers.
        placed: the labels that found room, once words are placed.
    """

    plane: Plane
    chosen: Whole
    outliers: bool
    placed: list[str] = field(default_factory=list)
    options: ClassVar[Sequence[str]] = ("label",)
    over: ClassVar[bool] = True

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the labels that the style says; auto is all of a few with names, else outliers."""
        rule = scene.subject.style.label
        if rule == "auto":
            rule = "all" if scene.names and len(scene.points) <= _MOST_NAMED else "outliers"
        if rule == "none":
            return None
        chosen = choose_labels(scene.distances(), rule, scene.n)
        return cls(scene, chosen, rule == "outliers") if len(chosen) else None

    def caption(self) -> Sequence[str]:
        """Return what is labelled, if it is not plain to see."""
        if not self.outliers:
            return ()
        return ("Labelled: outliers in this plane by Chauvenet's criterion.",)

    def place_words(self, canvas: Canvas) -> Sequence[Mark]:
        """Write the labels beside their points."""
        names, points = self.plane.names, self.plane.points
        numbers = self.plane.subject.table.numbers
        radius = radius_for(self.plane.n)
        many = len(self.chosen) > _MANY
        size = FINE if many else SMALL
        placed = []
        for i, anchor in zip(
            self.chosen.tolist(), canvas.panel.to_pixels(points[self.chosen]), strict=True
        ):
            content = names[i] if names else str(numbers[i] if numbers else i + 1)
            # Equal words are tried once.
            for short in dict.fromkeys(shorten(content, most, font_size=size) for most in _WIDTHS):
                name = canvas.place(short, anchor, clearance=radius, font_size=size)
                if name:
                    placed.append(name)
                    break
        self.placed = [name.content for name in placed]
        face = "fine" if many else "small"
        return write_names(placed, [f"label {face}" if many else "label"] * len(placed), face)

    def spoken(self) -> Sequence[str]:
        """Return the labels that are written."""
        return (f"labelled: {join_names(self.placed)}",) if self.placed else ()


def choose_labels(distances: Array, rule: LabelRule, n: int | None = None) -> Whole:
    """Return the observations to label, the outermost first.

    Args:
        distances: (m,), squared Mahalanobis distances in the plane: of all, or of the outermost.
        rule: outliers, all, or how many.
        n: how many observations there are, if those are not all.
    """
    if not len(distances):
        return np.zeros(0, dtype=np.intp)
    if rule == "outliers":
        return find_outliers(distances, n)[:_MOST_OUTLIERS]
    most = min(rule, MOST_LABELS) if isinstance(rule, int) else MOST_LABELS
    return np.argsort(-distances, kind="stable")[:most]
