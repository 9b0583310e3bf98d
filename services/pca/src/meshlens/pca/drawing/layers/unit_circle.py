"""The circle on which variables lie that the plane explains completely."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.svg.marks import Mark, ellipse

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitCircle(Layer[Plane]):
    """A circle around zero.

    Attributes:
        radius: data units.
    """

    radius: float

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the circle of standardized variables; others have none."""
        return cls(scene.circle) if scene.circle else None

    def extent(self) -> Sequence[Array]:
        """Return two opposite corners of the square around it."""
        return (self.radius * np.array([[-1.0, -1.0], [1.0, 1.0]]),)

    def caption(self) -> Sequence[str]:
        """Return what the circle means."""
        return ("On the circle, the plane explains a variable completely.",)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the circle."""
        panel = canvas.panel
        matrix = self.radius**2 * np.eye(2) * np.outer(panel.unit, panel.unit)
        return (ellipse(panel.to_pixels(np.zeros(2)), matrix, "guide"),)
