"""Principal component analysis by singular value decomposition; numpy only.

Scaling follows scikit-learn's `make_pipeline(StandardScaler(), PCA())`, decomposition and signs its
`PCA(svd_solver="full")`, so the numbers of the two can be exchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pca.errors import InvalidOption, InvalidTable, NoVariance

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Principal components of n observations of p variables, the first k of them.

    Attributes:
        names: the variables, p of them.
        n: number of observations.
        mean: (p,), subtracted from each observation.
        scale: (p,), divides each centred observation; ones unless standardized.
        components: (k, p), orthonormal rows, directions in centred and scaled space.
        explained_variance: (k,), descending, of the scores, with divisor n - 1.
        explained_variance_ratio: (k,), shares of the total variance of all components.
    """

    names: tuple[str, ...]
    n: int
    mean: Array
    scale: Array
    components: Array
    explained_variance: Array
    explained_variance_ratio: Array

    @property
    def loadings(self) -> Array:
        """(k, p): components times the standard deviation of their scores.

        Entry (i, j) is the covariance of variable j (centred and scaled) with the scores of
        component i in units of their standard deviation.
        """
        return self.components * np.sqrt(self.explained_variance)[:, np.newaxis]

    @property
    def standardized(self) -> bool:
        """Whether the variables were divided by their standard deviations."""
        return bool((self.scale != 1.0).any())


def fit(
    values: Array,
    *,
    names: Sequence[str] = (),
    k: int | None = None,
    standardize: bool = False,
) -> Fit:
    """Find the directions in which the observations vary most.

    The sign of a component is chosen so that its entry of largest magnitude is positive, as
    scikit-learn does since 1.5 (`sklearn.utils.extmath.svd_flip`, `u_based_decision=False`). Where
    two entries are exactly as large, as in the second component of two standardized variables,
    rounding decides which counts, there and here alike.

    With n <= p the last component has a variance of zero up to rounding, and its direction is
    arbitrary.

    Args:
        values: (n, p), finite.
        names: the variables; x1 to xp if empty.
        k: components to keep, all min(n, p) if None.
        standardize: divide each variable by its standard deviation (divisor n). A constant
            variable is left as it is.

    Raises:
        InvalidOption: k is not within 1 to min(n, p).
        NoVariance: fewer than two observations, all of them equal, or numbers too far apart or
            too close together for their variance to be a positive finite double.
    """
    n, p = values.shape
    if n < 2:  # noqa: PLR2004 - a variance takes two
        raise NoVariance(
            "principal components need at least 2 observations",
            got=f"{n} of {p} variables",
            remedy="send more rows, or choose the number of columns with columns=p",
        )
    rank = min(n, p)
    if k is not None and not 1 <= k <= rank:
        raise InvalidOption(
            f"k must be between 1 and {rank} for {n} observations of {p} variables",
            got=str(k),
            remedy="ask for fewer components or leave k out to get all",
        )
    # What overflows is reported below, as a variance that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale, standard = _standardize(values, scaled=standardize)
        if not (np.isfinite(scale).all() and np.isfinite(standard).all()):
            raise _no_variance(values)
        _, singular, components = np.linalg.svd(standard, full_matrices=False)
        variance = singular**2 / (n - 1)
        total = variance.sum()
    if not 0.0 < total < np.inf:
        raise _no_variance(values)
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(rank), largest])[:, np.newaxis]
    return Fit(
        names=tuple(names) or name_variables(p),
        n=n,
        mean=mean,
        scale=scale,
        components=components[:k].copy(),
        explained_variance=variance[:k].copy(),
        explained_variance_ratio=variance[:k] / total,
    )


def project(model: Fit, values: Array) -> Array:
    """Return the scores (n, k) of observations (n, p): their coordinates along the components.

    Raises:
        InvalidTable: the observations have another number of variables than the fit.
    """
    p = len(model.mean)
    if values.shape[1] != p:
        raise InvalidTable(
            f"observations must have the {p} variables of the fit",
            got=f"{values.shape[1]}",
            remedy=f"send rows of {p} numbers, on one line with columns={p}, or use another fit",
        )
    scores: Array = ((values - model.mean) / model.scale) @ model.components.T
    return scores


def name_variables(p: int) -> tuple[str, ...]:
    """Return x1 to xp."""
    return tuple(f"x{column}" for column in range(1, p + 1))


def _standardize(values: Array, *, scaled: bool) -> tuple[Array, Array, Array]:
    """Return mean (p,), scale (p,) and the centred and scaled values (n, p).

    The mean is taken twice: the mean of what the first pass has centred is the rounding error of
    the first, which matters where the offset is large beside the variance (Chan, Golub and
    LeVeque 1983).
    """
    constant = values.min(axis=0) == values.max(axis=0)
    # The mean of equal numbers can differ from them in the last bit.
    mean = np.where(constant, values[0], values.mean(axis=0))
    standard = values - mean
    scale = np.ones_like(mean)
    if scaled:
        deviation = np.sqrt(np.square(standard).mean(axis=0))
        scale = np.where(constant | (deviation == 0.0), 1.0, deviation)
        standard /= scale
    residue = standard.mean(axis=0)
    standard -= residue
    return mean + residue * scale, scale, standard


def _no_variance(values: Array) -> NoVariance:
    n, p = values.shape
    if (values == values[0]).all():
        got = f"{n} equal observations of {p} variables"
        remedy = "send observations that differ"
    else:
        got = f"values from {values.min():g} to {values.max():g}"
        remedy = "rescale them so that their squares neither overflow nor vanish"
    return NoVariance("observations must have a positive, finite variance", got=got, remedy=remedy)
