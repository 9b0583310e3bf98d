"""Regularised iterative PCA: missing numbers become what the first components predict; numpy only.

The method of Josse and Husson (2012), "Handling missing values in exploratory multivariate data
analysis methods", as R's missMDA::imputePCA does it by default (2016, JSS 70(1)). Without the
regularisation, which is Kiers' algorithm (1997), noise is fitted as well, and what is filled in
drifts away from the data.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.numbers.moments import Moments

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]

RANK = 2  # components that predict, as imputePCA's default
TOLERANCE = 1e-6  # standard deviations by which the last iteration changes a number at most
MOST_ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Convergence:
    """How an iterative imputation ended.

    Attributes:
        components: how many predicted the missing numbers.
        iterations: how often they were predicted.
        change: the greatest change of a number in the last iteration, in standard deviations of
            its variable.
    """

    components: int
    iterations: int
    change: float

    @property
    def converged(self) -> bool:
        """Whether the last iteration changed nothing to speak of."""
        return self.change <= TOLERANCE

    @property
    def doubt(self) -> str:
        """What to say if it has not converged, else nothing."""
        if self.converged:
            return ""
        return (
            f"Filling in stopped after {self.iterations} iterations, the last of which changed a"
            f" number by {self.change:.2g} standard deviations: leave out variables and"
            " observations in which much is missing, or say missing=mean."
        )


class _Predictor(Protocol):
    """Predicts the missing numbers from all, those that were filled in last included."""

    def predict(self, rank: int) -> float:
        """Fill them in once more, and return the greatest change in standard deviations."""

    def filled(self) -> Array:
        """Return (n, p), with what was filled in last."""


def impute(filled: Array, missing: Mask) -> tuple[Array, Convergence]:
    """Return observations whose missing numbers are what the components of all predict.

    Each iteration divides the variables by their standard deviations, shrinks the singular values
    of the first components by the variance of the noise, and takes the product for the missing
    numbers. It needs no random numbers.

    Args:
        filled: (n, p), with the mean of its variable wherever a number is missing.
        missing: (n, p), where that is, somewhere.
    """
    n, p = filled.shape
    rank = max(1, min(RANK, p - 1, n - 2))
    predictor: _Predictor = _Tall(filled, missing) if p <= n else _Wide(filled, missing)
    iterations, change = 0, np.inf
    while change > TOLERANCE and iterations < MOST_ITERATIONS:
        change = predictor.predict(rank)
        iterations += 1
    return predictor.filled(), Convergence(rank, iterations, change)


def estimate_noise(rest: float, n: int, p: int, rank: int) -> float:
    """Return the variance of the noise in a table (n, p) of which `rank` components are signal.

    Args:
        rest: the sum of the variances of all other components.
        n: number of observations.
        p: number of variables.
        rank: number of components.
    """
    freedom = (n - 1 - rank) * (p - rank)
    return n * p / min(p, n - 1) * rest / freedom if freedom > 0 else 0.0


def shrink(variance: Array, noise: float) -> Array:
    """Return the shares (k,) of their scores that components (k,) keep in spite of the noise."""
    shares: Array = np.divide(
        variance - noise, variance, out=np.zeros_like(variance), where=variance > noise
    )
    return shares


class _Tall:
    """At least as many observations as variables: the eigenvectors of their correlations.

    Complete observations never change, and neither do their sums.
    """

    def __init__(self, filled: Array, missing: Mask) -> None:
        self._whole = filled
        self._rows = missing.any(axis=1)
        rows, columns = np.nonzero(missing[self._rows])
        self._holes = rows, columns
        self._unit = _deviations(filled.std(axis=0))
        complete, self._broken = (filled[rows] / self._unit for rows in (~self._rows, self._rows))
        self._zero = np.zeros(filled.shape[1])
        self._known = Moments.of(complete, shift=self._zero) if len(complete) else None

    def predict(self, rank: int) -> float:
        moments = Moments.of(self._broken, shift=self._zero)
        moments = moments.merge(self._known) if self._known else moments
        deviation = _deviations(np.sqrt(moments.squares / moments.n))
        scatter = np.asarray(moments.scatter) / moments.n
        variance, directions = np.linalg.eigh(scatter / np.outer(deviation, deviation))
        shares = _find_shares(variance[::-1], moments.n, len(deviation), rank)
        plane = directions[:, : -rank - 1 : -1]
        scores = ((self._broken - moments.mean) / deviation) @ plane
        return _replace(
            self._broken, self._holes, scores * shares, plane.T, moments.mean, deviation
        )

    def filled(self) -> Array:
        result = self._whole.copy()
        result[self._rows] = self._broken * self._unit
        return result


class _Wide:
    """More variables than observations: the eigenvectors of the products of observations.

    Complete variables never change, and neither do their products.
    """

    def __init__(self, filled: Array, missing: Mask) -> None:
        self._whole = filled
        self._columns = missing.any(axis=0)
        rows, columns = np.nonzero(missing[:, self._columns])
        self._holes = rows, columns
        self._broken = filled[:, self._columns]
        complete = filled[:, ~self._columns]
        complete -= complete.mean(axis=0)
        complete /= _deviations(complete.std(axis=0))
        self._products = complete @ complete.T

    def predict(self, rank: int) -> float:
        n, p = self._whole.shape
        mean = self._broken.mean(axis=0)
        standard = self._broken - mean
        deviation = _deviations(np.sqrt(np.einsum("ij,ij->j", standard, standard) / n))
        standard /= deviation
        variance, directions = np.linalg.eigh((self._products + standard @ standard.T) / n)
        shares = _find_shares(variance[::-1], n, p, rank)
        plane = directions[:, : -rank - 1 : -1]
        return _replace(
            self._broken, self._holes, plane * shares, plane.T @ standard, mean, deviation
        )

    def filled(self) -> Array:
        result = self._whole.copy()
        result[:, self._columns] = self._broken
        return result


def _find_shares(variance: Array, n: int, p: int, rank: int) -> Array:
    """Return what the first components keep, given the variances of all, descending."""
    rest = np.maximum(variance[rank : min(p, n - 1)], 0.0)
    noise = estimate_noise(float(rest.sum()), n, p, rank)
    return shrink(variance[:rank], min(noise, float(rest[0])) if len(rest) else 0.0)


def _replace(
    values: Array,
    holes: tuple[Places, Places],
    left: Array,
    right: Array,
    mean: Array,
    deviation: Array,
) -> float:
    """Put products where numbers are missing; return the greatest change in standard deviations.

    Args:
        values: (n, p), changed in place.
        holes: rows and columns of the missing numbers.
        left: (n, k).
        right: (k, p); the product is what the standardized values become.
        mean: (p,).
        deviation: (p,), standard deviations.
    """
    rows, columns = holes
    guess = np.einsum("ij,ji->i", left[rows], right[:, columns])
    guess *= deviation[columns]
    guess += mean[columns]
    change = float((np.abs(guess - values[holes]) / deviation[columns]).max())
    values[holes] = guess
    return change


def _deviations(deviation: Array) -> Array:
    """Return standard deviations to divide by: ones for constant variables."""
    return np.where(deviation == 0.0, 1.0, deviation)
