"""Bars: what each variable has to do with two components, as lengths to compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.scenes.plane import choose_components
from meshlens.pca.drawing.scenes.scene import Scene, Subject
from meshlens.pca.drawing.style import KindName
from meshlens.pca.numbers.decomposition import PcaModel

Array: TypeAlias = npt.NDArray[np.float64]

_ROW = 15.0  # pixels that a variable takes at least
_BESIDE = 215.0  # pixels of the height that are not the panel's
_HEADROOM = 1.03
_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What bars show.

    Attributes:
        values: (p, 2), of a model with two components.
        label: what they are.
        definition: of the label.
        unit: behind a number.
        order: (p,), how much a variable has in both components, of a model and the values.
        stacked: the second bar begins where the first ends.
        whole: how far the axis reaches at least.
        average: says what all variables alike would have, of how many there are.
    """

    values: Callable[[PcaModel], Array]
    label: str
    definition: str
    unit: str
    order: Callable[[PcaModel, Array], Array]
    stacked: bool = False
    whole: float = 0.0
    average: Callable[[int], float] | None = None


_MEASURED: Mapping[KindName, Measured] = {
    "contributions": Measured(
        values=lambda pair: 100.0 * pair.contributions.T,
        label="contribution to the component, %",
        definition="Contributions: shares of a component; those of all variables are 100 %.",
        unit=" %",
        order=lambda pair, values: values @ pair.explained_variance,
        average=lambda p: 100.0 / p,
    ),
    "cos2": Measured(
        values=lambda pair: pair.cos2.T,
        label="cos\N{SUPERSCRIPT TWO}",
        definition="cos\N{SUPERSCRIPT TWO}: shares of a variable's variance that the components"
        " explain; 1 is all of it.",
        unit="",
        order=lambda _, values: values.sum(axis=1),
        stacked=True,
        whole=1.0,
    ),
    "loading_bars": Measured(
        values=lambda pair: pair.loadings.T,
        label="loading",
        definition=f"Loadings: components {_TIMES} standard deviations of their scores.",
        unit="",
        order=lambda _, values: np.square(values).sum(axis=1),
    ),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bars(Scene):
    """Variables in rows, the most important at the top, and a bar for each of two components.

    Attributes:
        values: (m, 2), along x.
        components: the places of the two.
        measured: what the values are.
        average: what all variables alike would have; None if that means nothing.
        hidden: how many less important variables are left out.
    """

    values: Array
    components: tuple[int, int]
    measured: Measured
    average: float | None
    hidden: int


def arrange_bars(subject: Subject) -> Bars:
    """Show the variables in the order of what they have in both components together."""
    components, pair = choose_components(subject)
    measured = _MEASURED[subject.style.kind]
    values = measured.values(pair)
    most = max(3, int((subject.style.height - _BESIDE) / _ROW))
    places = np.argsort(-measured.order(pair, values), kind="stable")[:most]
    shown = values[places]
    ends = shown.sum(axis=1) if measured.stacked else shown
    low, high = min(0.0, float(ends.min())), max(measured.whole, float(ends.max()))
    return Bars(
        subject=subject,
        labels=(measured.label, ""),
        definition=measured.definition,
        zero=True,
        limits=(
            np.array([_HEADROOM * low, 0.5 - len(places)]),
            np.array([_HEADROOM * high or 1.0, 0.5]),
        ),
        rows=tuple(subject.model.names[place] for place in places.tolist()),
        values=shown,
        components=components,
        measured=measured,
        average=measured.average and measured.average(len(values)),
        hidden=len(values) - len(places),
    )
