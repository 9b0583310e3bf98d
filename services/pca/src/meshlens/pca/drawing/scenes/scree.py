"""Scree plot: how much variance each component explains."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.ticks import Ticks
from meshlens.pca.drawing.scenes.scene import Scene, Subject

Array: TypeAlias = npt.NDArray[np.float64]

_MOST_COMPONENTS = 30
_HEADROOM = 106.0  # per cent
_TICK_WIDTH = 22.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scree(Scene):
    """Components in their order along x, per cent of the variance along y.

    Attributes:
        shares: (m,), per cent, of the components that are drawn, counted from 1.
        rank: how many components can have a variance at all.
        chance: (r,), per cent, the thresholds of parallel analysis; empty if not known.
    """

    shares: Array
    rank: int
    chance: Array

    def number_x(self, panel: Panel) -> Ticks:
        """Number the components, as many of them as there is room for."""
        shown = len(self.shares)
        step = next(s for s in (1, 2, 5, 10, 15) if panel.width / shown * s >= _TICK_WIDTH)
        numbers = range(step, shown + 1, step)
        return Ticks(
            positions=tuple(float(number) for number in numbers),
            labels=tuple(str(number) for number in numbers),
            offset=Decimal(0),
            exponent=0,
        )


def arrange_scree(subject: Subject) -> Scree:
    """Show the shares of the first components."""
    model = subject.model
    shares = 100.0 * model.explained_variance_ratio[:_MOST_COMPONENTS]
    chance = np.zeros(0)
    if subject.chance is not None:
        chance = subject.chance * (shares[0] / model.explained_variance[0])
    return Scree(
        subject=subject,
        labels=("component", "share of the variance, %"),
        limits=(np.array([0.5, 0.0]), np.array([len(shares) + 0.5, _HEADROOM])),
        shares=shares,
        # Centred observations span no more dimensions than there are others.
        chance=chance,
        rank=max(1, min(len(model.names), model.n - 1)),
    )
