"""Where new observations are expected: an ellipse around the observations of the fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.svg.marks import Mark, element, ellipse
from meshlens.pca.numbers.quantiles import f_quantile

Array: TypeAlias = npt.NDArray[np.float64]

_LEVEL = 0.95
_LEAST = 3  # observations of a fit, for a region in two dimensions
_FLATTEST = 1e-12
_SYMBOL = ' cx="8" cy="-4" rx="8" ry="5" class="ellipse ink model"'
_CAPTION = (
    "Dashed: where 95 % of new observations would lie that are like those of the fit (Hotelling's"
    " T\N{SUPERSCRIPT TWO} in this plane)."
)
_TURNS = np.linspace(0.0, 2.0 * np.pi, 90)
_ROUND = np.column_stack([np.cos(_TURNS), np.sin(_TURNS)])


@dataclass(frozen=True, slots=True, eq=False)
class FittedEllipse(Layer[Plane]):
    """The region in which a new observation lies with a probability of 95 %, if all is as before.

    The model keeps no observations, but what the region takes: their mean, variances and number n.
    With independent normal observations, T squared of a new one in two dimensions is
    2 (n^2 - 1) / (n (n - 2)) times a variable of F(2, n - 2) (Tracy, Young and Mason 1992).

    Attributes:
        mean: (2,), data units.
        axes: (2, 2), columns that bring the unit circle to the ellipse.
    """

    mean: Array
    axes: Array

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the region for supplementary points, unless the fit is flat or too small."""
        n = scene.subject.model.n
        size = np.abs(scene.whiten).max()
        flat = abs(np.linalg.det(scene.whiten)) <= _FLATTEST * size**2
        if not scene.supplementary or n < _LEAST or flat:
            return None
        radius = np.sqrt(2 * (n * n - 1) / (n * (n - 2)) * f_quantile(_LEVEL, 2, n - 2))
        return cls(scene.mean, radius * np.linalg.inv(scene.whiten))

    def extent(self) -> Sequence[Array]:
        """Return points all the way round."""
        return (self._outline(),)

    def legend(self) -> Sequence[Section]:
        """Return a dashed ellipse."""
        return (Section("", (entry(element("ellipse", _SYMBOL), "95 % of the fit"),)),)

    def caption(self) -> Sequence[str]:
        """Return what lies within."""
        return (_CAPTION,)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the ellipse."""
        panel = canvas.panel
        canvas.avoid_line(panel.to_pixels(self._outline()))
        matrix = self.axes @ self.axes.T * np.outer(panel.unit, panel.unit)
        return (ellipse(panel.to_pixels(self.mean), matrix, "ellipse ink model"),)

    def spoken(self) -> Sequence[str]:
        """Return what the ellipse is."""
        return ("an ellipse shows where 95 % of observations like those of the fit would lie",)

    def _outline(self) -> Array:
        outline: Array = self.mean + _ROUND @ self.axes.T
        return outline
