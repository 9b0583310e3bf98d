"""Numbers that colour marks: a column of the table, or how well and how much each takes part."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.scenes.scene import Subject
from meshlens.pca.drawing.svg.palette import SCALE_LIGHT
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.diagnostics import diagnose

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

STEPS = len(SCALE_LIGHT)
_COS2, _CONTRIBUTIONS = "cos2", "contributions"
COMPUTED = (_COS2, _CONTRIBUTIONS)  # colours that are no columns
_NAMES = {_COS2: "cos\N{SUPERSCRIPT TWO} as drawn", _CONTRIBUTIONS: "contribution, %"}


@dataclass(frozen=True, slots=True, eq=False)
class Shading:
    """A number for each mark, and the ends of the scale of colours.

    Attributes:
        name: what the number is.
        values: (n,); NaN where it is not known.
        low: where the scale begins.
        high: where it ends, greater than `low`.
    """

    name: str
    values: Array
    low: float
    high: float

    def codes(self) -> Whole:
        """Return (n,) steps of the scale from 0; STEPS for what is not known."""
        steps = (self.values - self.low) / (self.high - self.low) * STEPS
        known = np.isfinite(steps)
        codes: Whole = np.clip(np.where(known, steps, 0.0), 0, STEPS - 1).astype(np.intp)
        codes[~known] = STEPS
        return codes


def shade_observations(subject: Subject, pair: PcaModel, scores: Array) -> Shading | None:
    """Return the colours of observations, None if the caller has chosen none.

    Args:
        subject: what is to be drawn.
        pair: its model with the two components alone.
        scores: (n, 2), along these.

    Raises:
        InvalidOption: color says neither a column of numbers nor what a model knows.
    """
    color, table = subject.style.color, subject.table
    if color not in _NAMES:
        if table.color is None:
            _refuse(color)
            return None
        return _scale(table.color.name, table.color.values)
    if color == _CONTRIBUTIONS and subject.new:
        raise InvalidOption(
            "contributions are those of the observations that a fit was made from",
            got="color=contributions with fit",
            remedy="choose color=cos2 for new observations",
            option="color",
        )
    found = diagnose(pair, table.values, scores)
    if color == _COS2:
        return _scale(_NAMES[color], found.cos2.sum(axis=1))
    return _scale(_NAMES[color], _weigh(found.contributions, pair))


def shade_variables(subject: Subject, pair: PcaModel) -> Shading | None:
    """Return the colours of variables, None if the caller has chosen none.

    Raises:
        InvalidOption: color says anything but cos2 or contributions.
    """
    color = subject.style.color
    if color == _COS2:
        return _scale(_NAMES[color], pair.cos2.sum(axis=0))
    if color == _CONTRIBUTIONS:
        return _scale(_NAMES[color], _weigh(pair.contributions.T, pair))
    _refuse(color)
    return None


def _weigh(contributions: Array, pair: PcaModel) -> Array:
    """Return (n,) per cent of the variance of both components, of contributions (n, 2) to each."""
    weights = pair.explained_variance / pair.explained_variance.sum()
    shares: Array = 100.0 * contributions @ weights
    return shares


def _scale(name: str, values: Array) -> Shading:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return Shading(name, values, low, high if high > low else low + 1.0)


def _refuse(color: str) -> None:
    if color:
        raise InvalidOption(
            "color must be cos2, contributions or, for observations, a column of numbers",
            got=color,
            remedy="choose one of these, or leave the option out for the colours of groups",
            option="color",
        )
