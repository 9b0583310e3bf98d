"""Arrows of variables: loadings, or the columns of a biplot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.plane import Arrows, Plane
from meshlens.pca.drawing.svg.marks import Mark, group, path

Array: TypeAlias = npt.NDArray[np.float64]

_SYMBOL = "M0 -4H14M18 -4L9 0.5L9 -8.5Z"


@dataclass(frozen=True, slots=True, eq=False)
class LoadingArrows(Layer[Plane]):
    """An arrow from the mean for each of the variables that reach farthest.

    Attributes:
        arrows: in data units.
        mean: (2,), data units, where they begin.
        class_: of those without a shade.
        classes: of each.
    """

    arrows: Arrows
    mean: Array
    class_: str
    classes: Sequence[str]
    options: ClassVar[Sequence[str]] = ("arrows",)
    over: ClassVar[bool] = True

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the arrows, if the scene has any; groups keep the colours to themselves."""
        if scene.arrows is None:
            return None
        arrows = scene.arrows
        plain = scene.groups.names or scene.shading
        class_ = "ink loading" if plain else "loading"
        classes = [f"scale{shade} loading" for shade in arrows.shades]
        return cls(arrows, scene.mean, class_, classes or [class_] * len(arrows.names))

    def extent(self) -> Sequence[Array]:
        """Return the tips."""
        return (self.arrows.tips,)

    def legend(self) -> Sequence[Section]:
        """Return what the arrows are, and by how much they are longer than that."""
        factor = self.arrows.factor
        times = f" \N{MULTIPLICATION SIGN} {factor:.3g}" if factor != 1.0 else ""
        symbol = group(f"arrow {self.class_}", (path(_SYMBOL, "line"),))
        return (Section("", (entry(symbol, f"{self.arrows.meaning}{times}"),)),)

    def caption(self) -> Sequence[str]:
        """Return how many arrows are left out."""
        shown, hidden = len(self.arrows.names), self.arrows.hidden
        return (f"The {shown} longest of {shown + hidden} arrows are drawn.",) if hidden else ()

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the arrows in the order of the variables."""
        mean, tips = self._to_pixels(canvas)
        tails = np.broadcast_to(mean, tips.shape)
        return canvas.draw_arrows(tails, tips, self.arrows.names, self.classes)

    def place_words(self, canvas: Canvas) -> Sequence[Mark]:
        """Name the variables."""
        mean, tips = self._to_pixels(canvas)
        return canvas.name_arrows(mean, tips, self.arrows.names, [self.class_] * len(tips))

    def spoken(self) -> Sequence[str]:
        """Return the names of the variables that have an arrow."""
        return (f"arrows show the loadings of {join_names(self.arrows.names)}",)

    def _to_pixels(self, canvas: Canvas) -> tuple[Array, Array]:
        """Return the mean (2,) and the tips (m, 2)."""
        to_pixels = canvas.panel.to_pixels
        return to_pixels(self.mean), to_pixels(self.arrows.tips)
