"""The kinds of pictures: what each shows, and which options apply to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layers.cell_frame import CellFrame
from meshlens.pca.drawing.layers.density import DensityCells
from meshlens.pca.drawing.layers.ellipses import Ellipses
from meshlens.pca.drawing.layers.explained_variance import ExplainedVariance
from meshlens.pca.drawing.layers.fitted_ellipse import FittedEllipse
from meshlens.pca.drawing.layers.grid import Grid
from meshlens.pca.drawing.layers.labels import Labels
from meshlens.pca.drawing.layers.loading_arrows import LoadingArrows
from meshlens.pca.drawing.layers.points import Points
from meshlens.pca.drawing.layers.principal_axes import PrincipalAxes
from meshlens.pca.drawing.layers.scree.bars import ShareBars
from meshlens.pca.drawing.layers.scree.chance import ChanceLines
from meshlens.pca.drawing.layers.scree.cumulative import CumulativeLine
from meshlens.pca.drawing.layers.unit_circle import UnitCircle
from meshlens.pca.drawing.layers.variable_bars import VariableBars
from meshlens.pca.drawing.scenes.bars import Bars, arrange_bars
from meshlens.pca.drawing.scenes.biplot import arrange_biplot
from meshlens.pca.drawing.scenes.loadings import arrange_loadings
from meshlens.pca.drawing.scenes.pairs import Pairs, arrange_pairs
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.scenes.scene import Scene, Subject
from meshlens.pca.drawing.scenes.scores import arrange_scores
from meshlens.pca.drawing.scenes.scree import Scree, arrange_scree
from meshlens.pca.drawing.style import KindName, Style
from meshlens.pca.errors import InvalidOption

SceneT = TypeVar("SceneT", bound=Scene)


@dataclass(frozen=True)
class Kind(Generic[SceneT]):
    """A kind of picture.

    Attributes:
        arrange: returns the scene to show, in data units.
        layers: the layers it is drawn with; legend, caption and description keep their order.
        options: the options its coordinates depend on; the layers list their own.
        parts: the layers of each plane of a picture that has several.
    """

    arrange: Callable[[Subject], SceneT]
    layers: Sequence[type[Layer[SceneT]]]
    options: Sequence[str] = ()
    parts: Sequence[type[Layer[Plane]]] = ()

    def reads(self, option: str) -> bool:
        """Return whether an option is specific to some kinds, this one among them."""
        layers: list[type[Layer[Any]]] = [*self.layers, *self.parts]
        return option in self.options or any(option in layer.options for layer in layers)

    def compose_part(self, plane: Plane) -> list[Layer[Plane]]:
        """Return the layers that have something to show in one plane of several."""
        layers = [layer.of(plane) for layer in self.parts]
        return [layer for layer in layers if layer is not None]

    def compose(self, subject: Subject) -> tuple[SceneT, list[Layer[SceneT]]]:
        """Return the scene, and the layers that have something to show in it."""
        scene = self.arrange(subject)
        layers = [layer.of(scene) for layer in self.layers]
        return scene, [layer for layer in layers if layer is not None]


_OF_PLANES = ("components", "aspect", "color")
_OF_OBSERVATIONS = (*_OF_PLANES, "shape")

_BARS = Kind[Bars](arrange_bars, (Grid, VariableBars), ("components",))

KINDS: Mapping[KindName, Kind[Any]] = {
    "scores": Kind[Plane](
        arrange_scores,
        (
            Grid,
            PrincipalAxes,
            ExplainedVariance,
            FittedEllipse,
            Points,
            DensityCells,
            Ellipses,
            LoadingArrows,
            Labels,
        ),
        _OF_OBSERVATIONS,
    ),
    "biplot": Kind[Plane](
        arrange_biplot,
        (
            Grid,
            ExplainedVariance,
            FittedEllipse,
            Points,
            DensityCells,
            Ellipses,
            LoadingArrows,
            Labels,
        ),
        (*_OF_OBSERVATIONS, "alpha"),
    ),
    "loadings": Kind[Plane](
        arrange_loadings,
        (Grid, UnitCircle, ExplainedVariance, Points, DensityCells, LoadingArrows),
        _OF_PLANES,
    ),
    "contributions": _BARS,
    "cos2": _BARS,
    "loading_bars": _BARS,
    "pairs": Kind[Pairs](
        arrange_pairs,
        (),
        ("components", "color", "shape"),
        parts=(CellFrame, FittedEllipse, Points, DensityCells, Ellipses),
    ),
    "scree": Kind[Scree](arrange_scree, (Grid, ShareBars, CumulativeLine, ChanceLines)),
}


def list_readers(option: str) -> list[KindName]:
    """Return the kinds that an option is specific to; empty if it is to none."""
    return [kind for kind in KINDS if KINDS[kind].reads(option)]


def refuse_other_kinds(style: Style) -> None:
    """Check that each option that was set applies to the chosen kind.

    Raises:
        InvalidOption: an option applies to other kinds only.
    """
    for name in sorted(style.model_fields_set):
        readers = list_readers(name)
        if readers and style.kind not in readers:
            raise InvalidOption(
                f"{name} goes with kind={' or '.join(readers)}",
                got=f"{name}={getattr(style, name)!r} with kind={style.kind}",
                remedy="leave it out or choose another kind",
                option=name,
            )
