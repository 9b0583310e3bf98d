"""Principal axes: arrows through the mean, where two variables are shown as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import name_component
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.scenes.plane import REACH, Plane
from meshlens.pca.drawing.svg.marks import Mark, circle

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalAxes(Layer[Plane]):
    """Arrows in both directions from the mean.

    Attributes:
        mean: (2,), data units.
        reaches: (m, 2), from the mean to the positive ends; the first axis last, as it is drawn
            above the second.
        names: m of them.
        classes: m of them.
    """

    mean: Array
    reaches: Array
    names: Sequence[str]
    classes: Sequence[str]
    over: ClassVar[bool] = True

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the axes, unless they are the directions of the picture itself."""
        if scene.axes is None:
            return None
        order = range(len(scene.axes))[::-1]
        names = [name_component(scene.subject.model, place) for place in order]
        classes = [f"axis {scene.component_class(place)}" for place in order]
        return cls(scene.mean, scene.axes[::-1], names, classes)

    def extent(self) -> Sequence[Array]:
        """Return both ends of the axes."""
        return self.mean + self.reaches, self.mean - self.reaches

    def caption(self) -> Sequence[str]:
        """Return how long the axes are."""
        return (f"Axes reach {REACH:g} standard deviations from the mean to either side.",)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the axes, and the mean above them."""
        mean, tips = self._to_pixels(canvas)
        x, y = mean.tolist()
        return [
            *canvas.draw_arrows(2 * mean - tips, tips, self.names, self.classes),
            circle(x, y, 4, "mean"),
        ]

    def place_words(self, canvas: Canvas) -> Sequence[Mark]:
        """Name the components."""
        return canvas.name_arrows(*self._to_pixels(canvas), self.names, self.classes)

    def spoken(self) -> Sequence[str]:
        """Return where the axes cross, and how far they reach."""
        x, y = self.mean.tolist()
        return (
            f"the principal axes cross at the mean ({x:.6g}, {y:.6g})",
            f"they reach {REACH:g} standard deviations to either side",
        )

    def _to_pixels(self, canvas: Canvas) -> tuple[Array, Array]:
        """Return the mean (2,) and the tips (m, 2)."""
        to_pixels = canvas.panel.to_pixels
        return to_pixels(self.mean), to_pixels(self.mean + self.reaches)
