"""One thing that a picture shows, with its legend, caption and description."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section
from meshlens.pca.drawing.scenes.scene import Scene
from meshlens.pca.drawing.svg.marks import Mark

Array: TypeAlias = npt.NDArray[np.float64]
SceneT_contra = TypeVar("SceneT_contra", bound=Scene, contravariant=True)


class Layer(ABC, Generic[SceneT_contra]):
    """A layer of one picture.

    The methods are called in the order of their definition: extent, legend and caption lay out the
    page; then all layers draw; then they place labels beside what is drawn; then they say which
    observations they have marked, and describe it all.

    Attributes:
        options: the options that apply to this layer only.
        over: drawn above all layers without `over`; otherwise layers are drawn in listed order.
    """

    options: ClassVar[Sequence[str]] = ()
    over: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def of(cls, scene: SceneT_contra) -> Self | None:
        """Return the layer of a scene, or None if it has nothing to show there."""

    def extent(self) -> Sequence[Array]:
        """Return points (n, 2) in data units that the panel must show, in parts."""
        return ()

    def legend(self) -> Sequence[Section]:
        """Return the legend's sections; those without a heading are merged into one."""
        return ()

    def caption(self) -> Sequence[str]:
        """Return sentences to print below the picture."""
        return ()

    def draw(self, canvas: Canvas) -> Sequence[Mark]:  # noqa: ARG002 - for layers with marks
        """Return the marks, and report to the canvas what words should not hide."""
        return ()

    def place_words(self, canvas: Canvas) -> Sequence[Mark]:  # noqa: ARG002 - for layers with words
        """Return words beside marks, where the canvas has room for them."""
        return ()

    def marked(self) -> Sequence[int]:
        """Return the observations that have a mark of their own, in the order of these marks."""
        return ()

    def spoken(self) -> Sequence[str]:
        """Return clauses for the text description that screen readers use."""
        return ()
