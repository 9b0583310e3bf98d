"""What every picture has, before it is known where anything stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import summarize
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.ticks import Ticks
from meshlens.pca.drawing.scenes.tally import Cloud
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What is to be drawn.

    Attributes:
        table: the observations.
        model: theirs, or an earlier one.
        style: the choices of the caller.
        new: the model is an earlier one, so the observations are supplementary.
        kept: of a scree plot, how many components would be kept; None for no such mark.
        chance: (r,), of a scree plot, the variances that parallel analysis compares components
            with; None for no such line.
        parallel: these have decided how many are kept.
        cloud: the observations in the plane that is drawn, where the table has none of them but
            how they were read, and the `numbers` of the points.
    """

    table: Table
    model: PcaModel
    style: Style
    new: bool = False
    kept: int | None = None
    chance: Array | None = None
    parallel: bool = False
    cloud: Cloud | None = None

    @property
    def summary(self) -> str:
        """How many observations and variables there are."""
        n = len(self.table.values) if self.cloud is None else self.cloud.n
        return summarize(n, self.model, new=self.new)

    def find_points(self, place: Callable[[Array], Array]) -> Array:
        """Return the points (m, 2) that are at hand.

        Args:
            place: brings observations (n, p) into the plane.
        """
        return place(self.table.values) if self.cloud is None else self.cloud.points


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """What a picture shows, in data units; y grows upwards.

    Attributes:
        subject: what is to be drawn.
        labels: what x and y are.
        definition: sentences that define the coordinates; may be empty.
        zero: the lines at zero are the axes of what is shown.
        limits: (2,) and (2,), data units at the lower left and upper right corner of the panel;
            None to leave a margin around what is drawn.
        rows: names along y, the first at 0, each further one a unit lower; numbers if empty.
    """

    subject: Subject
    labels: tuple[str, str]
    definition: str = ""
    zero: bool = False
    limits: tuple[Array, Array] | None = None
    rows: tuple[str, ...] = ()

    def introduce(self) -> str:
        """Return how the spoken description begins."""
        return self.subject.summary

    @property
    def parts(self) -> Sequence[Any]:
        """Scenes within this one, in panels of their own."""
        return ()

    def divide(
        self,
        panel: Panel,  # noqa: ARG002 - for scenes with parts
        spans: Sequence[tuple[Array, Array]],  # noqa: ARG002 - the same
    ) -> Sequence[Panel]:
        """Return the panel of each part, within that of the picture, given what each must show."""
        return ()

    def number_x(self, panel: Panel) -> Ticks | None:  # noqa: ARG002 - for scenes that depend on it
        """Return the ticks along x; None for round numbers."""
        return None
