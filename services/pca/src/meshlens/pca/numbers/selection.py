"""How many components to keep; numpy only.

The names of numpy.random are in quotes: numpy imports it when it is named first, and only parallel
analysis needs it, whereas a start would have 7 MiB of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

_SIMULATIONS = 100
_QUANTILE = 0.95
_NUMBERS = 1 << 20  # drawn at a time


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """What a rule needs to choose the number of components.

    Attributes:
        n: number of observations.
        variance: (p,), of the variables after scaling.
        explained_variance: (r,), of all components, descending.
        standardized: whether the variables have been divided by their standard deviations, or
            multiples of these.
    """

    n: int
    variance: Array
    explained_variance: Array
    standardized: bool


Rule: TypeAlias = Callable[[Spectrum], int]


def keep_share(share: float) -> Rule:
    """Keep as many components as it takes to explain more than `share` of the variance."""

    def rule(spectrum: Spectrum) -> int:
        shares = np.cumsum(spectrum.explained_variance) / spectrum.explained_variance.sum()
        most = len(shares)
        return min(most, int(np.searchsorted(shares, share, side="right")) + 1)

    return rule


def keep_parallel(generator: "np.random.Generator") -> Rule:
    """Keep the leading components that explain more than chance would: parallel analysis."""

    def rule(spectrum: Spectrum) -> int:
        chance = simulate_chance(spectrum, generator)
        return count_above(spectrum.explained_variance, chance)

    return rule


def count_above(explained_variance: Array, chance: Array) -> int:
    """Return how many leading components explain more than thresholds (r,), 1 at least."""
    above = explained_variance[: len(chance)] > chance
    return max(1, len(above) if above.all() else int(above.argmin()))


def simulate_chance(spectrum: Spectrum, generator: "np.random.Generator") -> Array:
    """Return the thresholds (r,) for the variances of components of unrelated normal variables.

    Horn (1965), with the 95th percentile of Glorfeld (1995). The simulated variables have the
    variances of the real ones, or are standardized if those are: thresholds for a correlation
    matrix do not apply to a covariance matrix. Covariances are drawn as Wishart matrices by
    Bartlett's decomposition, so that a million observations take no longer than a hundred.
    """
    variance = spectrum.variance[spectrum.variance > 0]
    p, freedom = len(variance), spectrum.n - 1
    drawn = np.empty((_SIMULATIONS, min(p, freedom)))
    for row in drawn:
        if freedom < p:
            gram = np.zeros((freedom, freedom))
            # Of many variables some at a time, so that few observations of them take no memory.
            step = max(1, _NUMBERS // freedom)
            for some in np.split(variance, range(step, p, step)):
                factor = generator.normal(size=(len(some), freedom))
                factor = _scale(factor, some, freedom if spectrum.standardized else None)
                gram += factor.T @ factor
        else:
            factor = _draw_factor(p, freedom, generator)
            factor = _scale(factor, variance, freedom if spectrum.standardized else None)
            gram = factor @ factor.T
        row[:] = np.linalg.eigvalsh(gram)[::-1] / freedom
    chance: Array = np.quantile(drawn, _QUANTILE, axis=0)
    return chance


def _scale(factor: Array, variance: Array, square: float | None) -> Array:
    """Give each row of a factor the variance of its variable: exactly, if a square is given.

    Args:
        factor: (p, m), changed in place.
        variance: (p,).
        square: of the length of a row that stands for variance 1.
    """
    if square is not None:
        factor *= np.sqrt(square) / np.linalg.norm(factor, axis=1, keepdims=True)
    factor *= np.sqrt(variance)[:, np.newaxis]
    return factor


def _draw_factor(p: int, freedom: int, generator: "np.random.Generator") -> Array:
    """Return F (p, p) for which F F' is a Wishart matrix of unit covariance."""
    factor = np.tril(generator.normal(size=(p, p)), -1)
    factor[np.diag_indices(p)] = np.sqrt(generator.chisquare(freedom - np.arange(p)))
    return factor
