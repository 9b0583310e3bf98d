"""What is done to variables before their components are found: logarithms, scales, divisors.

Sources: van den Berg et al. (2006), "Centering, scaling, and transformations"; scikit-learn's
StandardScaler for what counts as constant.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.moments import Moments

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_MOST_NAMED = 5


class Scaling(StrEnum):
    """What each centred variable is divided by."""

    NONE = "none"
    """Nothing: the components are those of the covariance matrix."""
    STANDARD = "standard"
    """Its standard deviation: the components are those of the correlation matrix."""
    PARETO = "pareto"
    """The square root of its standard deviation."""
    RANGE = "range"
    """Its greatest value less its smallest."""
    VECTOR = "vector"
    """Its Euclidean length."""


class Divisor(StrEnum):
    """What sums of squares of n observations are divided by."""

    SCIKIT_LEARN = "scikit-learn"
    """n in STANDARD scales, as StandardScaler, and n - 1 in all else, as PCA."""
    ONE_LESS = "n-1"
    """n - 1, as R's prcomp."""
    N = "n"
    """n, as FactoMineR."""

    def of_variances(self, n: int) -> int:
        """Return the divisor of explained variances."""
        return n if self is Divisor.N else n - 1

    def of_scales(self, n: int, scaling: Scaling) -> int:
        """Return the divisor in the standard deviations that variables are divided by."""
        as_standard_scaler = self is Divisor.SCIKIT_LEARN and scaling is Scaling.STANDARD
        return n if as_standard_scaler else self.of_variances(n)


class Log(StrEnum):
    """The logarithm that replaces each number."""

    NONE = "none"
    E = "e"
    TWO = "2"
    TEN = "10"
    ONE_PLUS = "1p"
    """The natural logarithm of 1 + x, which takes zeros."""


_LOGARITHMS: Mapping[Log, Callable[[Array], Array]] = {
    Log.E: np.log,
    Log.TWO: np.log2,
    Log.TEN: np.log10,
    Log.ONE_PLUS: np.log1p,
}
_POWERS: Mapping[Log, Callable[[Array], Array]] = {
    Log.E: np.exp,
    Log.TWO: np.exp2,
    Log.TEN: lambda values: np.power(10.0, values),
    Log.ONE_PLUS: np.expm1,
}


def take_log(values: Array, log: Log, place: Callable[[int, int], Place]) -> Array:
    """Return the logarithms of numbers (n, p); missing ones, which are nan, stay missing.

    Args:
        values: (n, p).
        log: which logarithm; NONE returns the values themselves.
        place: returns where row i, column j is in the input.

    Raises:
        InvalidTable: a number has no logarithm.
    """
    if log is Log.NONE:
        return values
    least = -1 if log is Log.ONE_PLUS else 0
    below = values <= least
    if below.any():
        rows, columns = (index.tolist() for index in np.nonzero(below))
        first = list(zip(rows, columns, strict=True))[:_MOST_NAMED]
        places = [place(row, column) for row, column in first]
        named = "; ".join(
            f"{values[cell]:g} at {where}" for cell, where in zip(first, places, strict=True)
        )
        more = f" and {len(rows) - len(first)} more" if len(rows) > len(first) else ""
        zeros = "" if log is Log.ONE_PLUS else ", or say log=1p, ln(1 + x), if these are zeros"
        raise InvalidTable(
            f"log={log} needs numbers above {least}",
            got=f"{named}{more}",
            remedy=f"correct them, leave out these observations or variables{zeros}",
            option="log",
            places=places,
        )
    return _LOGARITHMS[log](values)


def undo_log(values: Array, log: Log) -> Array:
    """Return the numbers that have these logarithms."""
    return values if log is Log.NONE else _POWERS[log](values)


def find_constant(moments: Moments) -> Mask:
    """Return (p,), whether a variable is constant but for rounding.

    The bound is that of scikit-learn's StandardScaler: n eps var + (n eps mean)^2, var with
    divisor n.
    """
    n, eps = moments.n, float(np.finfo(np.float64).eps)
    deviation = np.sqrt(moments.squares / n)
    constant: Mask = deviation * np.sqrt(1 - n * eps) <= n * eps * np.abs(moments.mean)
    return constant


def find_scale(
    moments: Moments, constant: Mask, scaling: Scaling, divisor: Divisor
) -> Array | None:
    """Return (p,), what divides each centred variable; None for ones.

    Constant variables are left as they are.

    Args:
        moments: of the observations, with their extremes if the scaling is RANGE.
        constant: (p,), which variables are.
        scaling: the rule.
        divisor: in standard deviations.

    Raises:
        ValueError: the extremes are needed, but have not been computed.
    """
    deviation = np.sqrt(moments.squares / divisor.of_scales(moments.n, scaling))
    match scaling:
        case Scaling.NONE:
            return None
        case Scaling.STANDARD:
            scale = deviation
        case Scaling.PARETO:
            scale = np.sqrt(deviation)
        case Scaling.RANGE:
            if moments.extremes is None:
                raise ValueError("scaling=range needs the extremes of the observations")
            scale = moments.extremes[1] - moments.extremes[0]
        case Scaling.VECTOR:
            scale = np.sqrt(moments.squares)
    return np.where(constant, 1.0, scale)
