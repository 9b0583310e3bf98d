"""Ways to find principal components, and which one suits a table; numpy only.

`covariance` takes the eigenvectors of the covariance: one pass, no copy of the table, but it
squares the condition number. `svd` takes the singular vectors of the table itself or, if it is
tall, of its triangular factor, accumulated block by block: exact even for ill-conditioned tables.
`gram` takes the products of the observations of a wide table instead of its variables'.
`randomized` finds the first few components of a table with many rows and columns, unless their
variances are so close to the others that finding all is as quick.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.numbers.moments import Moments, split_blocks
from meshlens.pca.numbers.solvers.factors import Factor
from meshlens.pca.numbers.solvers.krylov import find_leading

Array: TypeAlias = npt.NDArray[np.float64]

COVARIANCE, GRAM, SVD, RANDOMIZED = "covariance", "gram", "svd", "randomized"

# With fewer numbers, a plain SVD takes less time than choosing a solver.
_SMALL = 1 << 12
_TALL = 2  # times as many rows as columns
_WIDE = 2  # times as many columns as rows
# Smallest ratio of a variance to the largest that a covariance resolves to ten digits.
_CONDITION = 1e-4
# Products of numbers outside this range overflow or vanish.
_SMALLEST, _GREATEST = 1e-200, 1e200
# With fewer rows or columns, or this share of the components, finding all is as fast as a few.
_MANY, _FEW = 1000, 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Principal components, their signs not yet chosen.

    Attributes:
        solver: which solver found them.
        variance: (r,), descending, of the scores, with divisor n - 1.
        components: (r, p), orthonormal rows.
    """

    solver: str
    variance: Array
    components: Array


@dataclass(frozen=True, slots=True, eq=False)
class Centering:
    """How observations are centred and scaled.

    Attributes:
        shift: (p,), subtracted first.
        offset: (p,), subtracted next; shift and offset add up to the mean.
        scale: (p,), divides the centred values; None for ones.
    """

    shift: Array
    offset: Array
    scale: Array | None

    def apply(self, values: Array) -> Array:
        """Return a centred and scaled copy (n, p)."""
        standard: Array = values - self.shift
        standard -= self.offset
        if self.scale is not None:
            standard /= self.scale
        return standard


def choose_solver(n: int, p: int, k: int | None) -> str:
    """Return which solver to try first for k components of a table (n, p).

    Covariance and gram are replaced by svd where they would give too few digits.
    """
    if min(n, p) > _MANY and k is not None and k < _FEW * min(n, p):
        return RANDOMIZED
    if n * p <= _SMALL:
        return SVD
    if n >= _TALL * p:
        return COVARIANCE
    # The last component of a wide table has no variance: only svd finds all.
    return GRAM if p >= _WIDE * n and k is not None else SVD


def solve(values: Array, moments: Moments, centering: Centering, k: int | None) -> Solution:
    """Find the components of observations (n, p): the first k, or all min(n, p) if k is None.

    All may be found where only the first k are needed.
    """
    n, p = values.shape
    match choose_solver(n, p, k):
        case "randomized":
            return _solve_leading(centering.apply(values), k or 1)
        case "covariance":
            return _solve_covariance(moments, centering, k) or _solve_tall(values, centering)
        case "gram":
            return _solve_wide(centering.apply(values), k or 1)
        case _:
            return _solve_svd(centering.apply(values), n)


def solve_parts(
    moments: Moments, centering: Centering, k: int | None, factor: Factor | None
) -> Solution | None:
    """Find the components of observations of which only sums are known, as `solve` would.

    Args:
        moments: with their scatter, unless there is a factor.
        centering: theirs.
        k: the first so many, or all if None.
        factor: of the centred and scaled observations.

    Returns:
        None if the first k are not accurate enough without a factor.
    """
    n, p = moments.n, len(moments.shift)
    if factor is not None:
        return _solve_svd(factor.rows, n)
    if n * p <= _SMALL or n < _TALL * p:
        return None
    return _solve_covariance(moments, centering, k)


def _solve_covariance(moments: Moments, centering: Centering, k: int | None) -> Solution | None:
    """Return the solution by the covariance, or None if the first k are not accurate enough."""
    if moments.scatter is None:
        return None
    covariance = moments.scatter / (moments.n - 1)
    if centering.scale is not None:
        covariance /= np.outer(centering.scale, centering.scale)
    return _decompose(covariance, k)


def _decompose(covariance: Array, k: int | None) -> Solution | None:
    """Return all eigenvectors, or None if the first k are not accurate enough."""
    if not _SMALLEST < np.trace(covariance) < _GREATEST:
        return None
    variance, directions = np.linalg.eigh(covariance)
    variance = variance[::-1]
    if variance[k - 1 if k else -1] < _CONDITION * variance[0]:
        return None
    return Solution(COVARIANCE, np.maximum(variance, 0.0), directions.T[::-1].copy())


def _solve_tall(values: Array, centering: Centering) -> Solution:
    """Reduce the rows to the triangular factor, which has the table's right singular vectors."""
    return _solve_svd(fold_factor(values, centering).rows, len(values))


def fold_factor(values: Array, centering: Centering) -> Factor:
    """Return the factor of observations (n, p), centred and scaled by `centering`."""
    return Factor.of(map(centering.apply, split_blocks(values)), values.shape[1])


def _solve_wide(standard: Array, k: int) -> Solution:
    n = len(standard)
    solution = _decompose(standard @ standard.T / (n - 1), k)
    if solution is None:
        return _solve_svd(standard, n)
    components = solution.components[:k] @ standard
    components /= np.sqrt(solution.variance[:k, np.newaxis] * (n - 1))
    return Solution(GRAM, solution.variance, components)


def _solve_svd(standard: Array, n: int) -> Solution:
    _, singular, components = np.linalg.svd(standard, full_matrices=False)
    return Solution(SVD, singular**2 / (n - 1), components)


def _solve_leading(standard: Array, k: int) -> Solution:
    n, p = standard.shape
    found = find_leading(standard, k)
    if found is not None:
        squares, components = found
        return Solution(RANDOMIZED, squares / (n - 1), components)
    if n < p:
        return _solve_wide(standard, k)
    return _decompose(standard.T @ standard / (n - 1), k) or _solve_svd(standard, n)
