"""Principal components of observations: fit, project, reconstruct; numpy only.

Unless the caller chooses otherwise, scaling follows scikit-learn's
`make_pipeline(StandardScaler(), PCA())`, decomposition and signs its `PCA(svd_solver="full")`, so
the numbers of the two can be exchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.errors import InvalidOption, InvalidTable, NoVariance
from meshlens.pca.numbers.moments import Moments, fold, split_blocks
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling, find_constant, find_scale
from meshlens.pca.numbers.selection import Rule, Spectrum
from meshlens.pca.numbers.solvers.choice import (
    COVARIANCE,
    RANDOMIZED,
    SVD,
    Centering,
    Solution,
    choose_solver,
    solve,
    solve_parts,
)
from meshlens.pca.numbers.solvers.factors import Factor

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

# Entries of a component that differ by less are equal up to rounding.
_TIE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PcaModel:
    """Principal components of n observations of p variables, the first k of them.

    Attributes:
        names: the variables, p of them.
        n: number of observations.
        mean: (p,), subtracted from each observation.
        scale: (p,), divides each centred observation; ones without scaling.
        components: (k, p), orthonormal rows, directions in centred and scaled space.
        explained_variance: (k,), descending, of the scores.
        explained_variance_ratio: (k,), shares of the total variance of all components.
        variance: (p,), of the variables, centred and scaled.
        residual: sums of the first, second and third powers of the variances of the components
            that are not kept; None if they are not known, or no double holds them.
        solver: what has found the components: covariance, gram, svd or randomized.
        scaling: the rule for `scale`.
        divisor: the rule for the divisor of variances, and of standard deviations in `scale`.
        log: the logarithm of the numbers that observations, and `mean`, are in.
        constant: the variables that are constant but for rounding, which are not scaled.
        rotation: (k, k), orthogonal, from standardized scores to those of the rotated components;
            None if they are not rotated.
    """

    names: tuple[str, ...]
    n: int
    mean: Array
    scale: Array
    components: Array
    explained_variance: Array
    explained_variance_ratio: Array
    variance: Array
    residual: tuple[float, float, float] | None = None
    solver: str = SVD
    scaling: Scaling = Scaling.NONE
    divisor: Divisor = Divisor.SCIKIT_LEARN
    log: Log = Log.NONE
    constant: tuple[str, ...] = ()
    rotation: Array | None = None

    @property
    def loadings(self) -> Array:
        """(k, p): components times the standard deviation of their scores, rotated if they are.

        Entry (i, j) is the covariance of variable j (centred and scaled) with the scores of
        component i in units of their standard deviation.
        """
        loadings: Array = self.components * np.sqrt(self.explained_variance)[:, np.newaxis]
        return loadings if self.rotation is None else self.rotation.T @ loadings

    @property
    def correlations(self) -> Array:
        """(k, p): of components and variables, within -1 and 1; zero for constant variables."""
        deviation = np.sqrt(np.where(self.variance > 0, self.variance, np.inf))
        return np.clip(self.loadings / deviation, -1.0, 1.0)

    @property
    def cos2(self) -> Array:
        """(k, p): squared correlations of components and variables; zero for constant ones."""
        squares = np.square(self.loadings)
        return squares / np.where(self.variance > 0, self.variance, np.inf)

    @property
    def contributions(self) -> Array:
        """(k, p): share of a variable in a component; the shares of one component sum to 1."""
        if self.rotation is None:
            return np.square(self.components)
        squares: Array = np.square(self.loadings)
        squares /= squares.sum(axis=1, keepdims=True)
        return squares

    @property
    def standardized(self) -> bool:
        """Whether the variables were divided by their standard deviations."""
        return self.scaling is Scaling.STANDARD

    @property
    def rotated_variance(self) -> Array:
        """(k,): what each component explains, as rotated; the sum is that of the principal ones."""
        if self.rotation is None:
            return self.explained_variance
        total: Array = np.square(self.rotation.T * np.sqrt(self.explained_variance)).sum(axis=1)
        return total

    @property
    def component_names(self) -> tuple[str, ...]:
        """PC1 to PCk, or RC1 to RCk of rotated components."""
        names = name_components(len(self.components))
        return names if self.rotation is None else tuple(f"R{name[1:]}" for name in names)

    @property
    def freedom(self) -> int:
        """The divisor of variances: n - 1, or n."""
        return self.divisor.of_variances(self.n)


def fit(
    values: Array,
    *,
    names: Sequence[str] = (),
    k: int | Rule | None = None,
    standardize: bool = False,
    scaling: Scaling = Scaling.NONE,
    divisor: Divisor = Divisor.SCIKIT_LEARN,
    log: Log = Log.NONE,
) -> PcaModel:
    """Find the directions in which the observations vary most.

    The sign of a component is chosen so that its entry of largest magnitude is positive, as
    scikit-learn does since 1.5 (`sklearn.utils.extmath.svd_flip`, `u_based_decision=False`). Where
    several entries are equal up to rounding, as in every component of two standardized variables,
    the first of them counts, so that neither rounding nor the order of the observations decides;
    in scikit-learn rounding does.

    With n <= p the last component has a variance of zero up to rounding, and its direction is
    arbitrary.

    Args:
        values: (n, p), finite.
        names: the variables; x1 to xp if empty.
        k: components to keep, or a rule that counts them; all min(n, p) if None.
        standardize: short for the scaling STANDARD.
        scaling: what each centred variable is divided by. A constant one is left as it is.
        divisor: of variances and standard deviations.
        log: the logarithm that the values are; the model keeps it.

    Raises:
        InvalidOption: k is not within 1 to min(n, p).
        NoVariance: fewer than two observations, all of them equal, or numbers too far apart or
            too close together for their variance to be a positive finite double.
    """
    n, p = values.shape
    count = k if isinstance(k, int) else None
    _check_count(n, p, count)
    if standardize:
        scaling = Scaling.STANDARD
    # What overflows is reported below, as a variance that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = choose_solver(n, p, count) == COVARIANCE
        moments = fold(values, scatter=covariance, extremes=scaling is Scaling.RANGE)
        preparation = _Preparation.of(moments, scaling, divisor)
        if not preparation.any_variance:
            raise _no_variance(values)
        solution = solve(values, moments, preparation.centering, count)
    model = _complete(preparation, solution, names, k, log)
    if model is None:
        raise _no_variance(values)
    return model


def decompose(
    moments: Moments,
    *,
    names: Sequence[str] = (),
    k: int | Rule | None = None,
    scaling: Scaling = Scaling.NONE,
    divisor: Divisor = Divisor.SCIKIT_LEARN,
    log: Log = Log.NONE,
    factor: Factor | None = None,
) -> PcaModel | None:
    """Find what `fit` would, of observations of which only sums are known.

    Args:
        moments: with their scatter, unless there is a factor, and with their extremes if the
            scaling is RANGE.
        names: as for `fit`, and so are the following.
        k: components to keep.
        scaling: what each centred variable is divided by.
        divisor: of variances and standard deviations.
        log: the logarithm that the values are.
        factor: of the observations, centred and scaled by `find_centering`.

    Returns:
        None if there is no factor, and the covariance would give too few digits without one.

    Raises:
        InvalidOption: k is not within 1 to min(n, p).
        NoVariance: as `fit` does.
    """
    n, p = moments.n, len(moments.shift)
    count = k if isinstance(k, int) else None
    _check_count(n, p, count)
    with np.errstate(over="ignore", invalid="ignore"):
        preparation = _Preparation.of(moments, scaling, divisor)
        if not preparation.any_variance:
            raise _no_variance_of(moments)
        solution = solve_parts(moments, preparation.centering, count, factor)
    if solution is None:
        return None
    model = _complete(preparation, solution, names, k, log)
    if model is None:
        raise _no_variance_of(moments)
    return model


def find_centering(moments: Moments, scaling: Scaling, divisor: Divisor) -> Centering:
    """Return how `decompose` centres and scales observations with these moments."""
    return _Preparation.of(moments, scaling, divisor).centering


@dataclass(frozen=True, slots=True, eq=False)
class _Preparation:
    """How observations are centred and scaled, and what varies then.

    Attributes:
        moments: of the observations.
        scaling: the rule for what they are divided by.
        divisor: the rule for divisors.
        constant: (p,), which variables are constant but for rounding.
        scale: (p,), divides the centred variables; None for ones.
        variance: (p,), of the centred and scaled variables.
    """

    moments: Moments
    scaling: Scaling
    divisor: Divisor
    constant: Mask
    scale: Array | None
    variance: Array

    @classmethod
    def of(cls, moments: Moments, scaling: Scaling, divisor: Divisor) -> Self:
        constant = find_constant(moments)
        scale = find_scale(moments, constant, scaling, divisor)
        variance = moments.squares / divisor.of_variances(moments.n)
        if scale is not None:
            variance = variance / scale / scale
        return cls(moments, scaling, divisor, constant, scale, variance)

    @property
    def any_variance(self) -> bool:
        """Whether the whole variance is positive and finite."""
        finite = bool(np.isfinite(self.moments.mean).all())
        return finite and bool(0.0 < self.variance.sum() < np.inf)

    @property
    def centering(self) -> Centering:
        return Centering(self.moments.shift, self.moments.offset, self.scale)


def _complete(
    preparation: _Preparation,
    solution: Solution,
    names: Sequence[str],
    k: int | Rule | None,
    log: Log,
) -> PcaModel | None:
    """Return the model that consists of a solution, or None if it explains nothing finite."""
    n, p = preparation.moments.n, len(preparation.variance)
    scaling, divisor = preparation.scaling, preparation.divisor
    explained = solution.variance
    if divisor is Divisor.N:
        explained = explained * ((n - 1) / n)
    if callable(k):
        unit = _is_unit(scaling)
        k = k(Spectrum(n, preparation.variance, explained, standardized=unit))
    # Of the randomized solver, which finds some, not all, the sum is that of the variables.
    with np.errstate(over="ignore"):
        whole = preparation.variance if solution.solver == RANDOMIZED else explained
        total = whole.sum()
    if not 0.0 < total < np.inf:
        return None
    names = tuple(names) or name_variables(p)
    return PcaModel(
        names=names,
        n=n,
        mean=preparation.moments.mean,
        scale=np.ones(p) if preparation.scale is None else preparation.scale,
        components=choose_signs(solution.components[:k]),
        explained_variance=explained[:k].copy(),
        explained_variance_ratio=explained[:k] / total,
        variance=preparation.variance,
        residual=None if solution.solver == RANDOMIZED else _sum_powers(explained, k, n, p),
        solver=solution.solver,
        scaling=scaling,
        divisor=divisor,
        log=log,
        constant=tuple(names[column] for column in np.flatnonzero(preparation.constant)),
    )


def count_kept(model: PcaModel, k: int | Rule | None) -> int | None:
    """Return how many components of a model that has all of them k would keep; None for None.

    Raises:
        InvalidOption: k is not within 1 to min(n, p).
    """
    if callable(k):
        return k(find_spectrum(model))
    _check_count(model.n, len(model.names), k)
    return k


def find_spectrum(model: PcaModel) -> Spectrum:
    """Return what a rule needs to choose among the components of a model that has all."""
    unit = _is_unit(model.scaling)
    return Spectrum(model.n, model.variance, model.explained_variance, standardized=unit)


def project(model: PcaModel, values: Array) -> Array:
    """Return the scores (n, k) of observations (n, p): their coordinates along the components.

    Raises:
        InvalidTable: the observations and the model differ in their number of variables.
    """
    p = len(model.mean)
    if values.shape[1] != p:
        raise InvalidTable(
            f"observations must have the {p} variables of the fit",
            got=f"{values.shape[1]}",
            remedy=f"send rows of {p} numbers, on one line with columns={p}, or use another fit",
        )
    scores = np.empty((len(values), len(model.components)))
    row = 0
    for block in split_blocks(values):
        scores[row : row + len(block)] = center(model, block) @ model.components.T
        row += len(block)
    return scores


def reconstruct(model: PcaModel, scores: Array) -> Array:
    """Return the points (n, p) that have these scores (n, k): the observations, if k is all.

    Raises:
        InvalidTable: the number of scores differs from the model's number of components.
    """
    k = len(model.components)
    if scores.shape[1] != k:
        raise InvalidTable(
            f"scores must be along the {k} components of the fit",
            got=f"{scores.shape[1]}",
            remedy=f"send rows of {k} numbers, on one line with columns={k}, or use another fit",
        )
    points: Array = scores @ (model.components * model.scale)
    points += model.mean
    return points


def center(model: PcaModel, values: Array) -> Array:
    """Return a copy of observations (n, p), centred and scaled as the model's own.

    Its rows are contiguous, so that no sum depends on how the caller's columns were read.
    """
    standard: Array = np.subtract(values, model.mean, order="C")
    if model.scaling is not Scaling.NONE:
        standard /= model.scale
    return standard


def name_variables(p: int) -> tuple[str, ...]:
    """Return x1 to xp."""
    return tuple(f"x{column}" for column in range(1, p + 1))


def name_components(k: int) -> tuple[str, ...]:
    """Return PC1 to PCk."""
    return tuple(f"PC{number}" for number in range(1, k + 1))


def _check_count(n: int, p: int, k: int | None) -> None:
    """Check that n observations of p variables have components, and k of them.

    Raises:
        NoVariance: fewer than two observations.
        InvalidOption: k is not within 1 to min(n, p).
    """
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
            option="k",
        )


def _is_unit(scaling: Scaling) -> bool:
    """Return whether all variables that are not constant have the same variance after scaling."""
    return scaling in {Scaling.STANDARD, Scaling.VECTOR}


def choose_signs(components: Array) -> Array:
    """Return components (k, p) whose largest entry is positive, the first of equal ones."""
    magnitude = np.abs(components)
    largest = magnitude.max(axis=1, keepdims=True)
    first = (magnitude >= largest * (1 - _TIE)).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), first])
    signed: Array = components * signs[:, np.newaxis]
    return signed


def _sum_powers(
    explained: Array, k: int | None, n: int, p: int
) -> tuple[float, float, float] | None:
    """Return the power sums of the variances that are not kept, omitting mere rounding error.

    None if a power overflows or loses digits.
    """
    rounding = (max(n, p) * np.finfo(np.float64).eps) ** 2 * explained[0]
    rest = explained[len(explained) if k is None else k :]
    rest = rest[rest > rounding]
    if not rest.size:
        return 0.0, 0.0, 0.0
    with np.errstate(over="ignore", under="ignore"):
        first, second, third = (float((rest**power).sum()) for power in (1, 2, 3))
    limits = np.finfo(np.float64)
    if max(first, second, third) > limits.max or min(first, second, third) < limits.tiny:
        return None
    return first, second, third


def _no_variance_of(moments: Moments) -> NoVariance:
    """Return the fault of observations of which only the moments are known."""
    spread = float(np.sqrt(moments.squares.max() / moments.n))
    n, p = moments.n, len(moments.shift)
    return NoVariance(
        "observations must have a positive, finite variance",
        got=f"{n} observations of {p} variables, the greatest standard deviation {spread:g}",
        remedy="send observations that differ, or rescale them so that their squares neither"
        " overflow nor vanish",
    )


def _no_variance(values: Array) -> NoVariance:
    n, p = values.shape
    if (values == values[0]).all():
        got = f"{n} equal observations of {p} variables"
        remedy = "send observations that differ"
    else:
        got = f"values from {values.min():g} to {values.max():g}"
        remedy = "rescale them so that their squares neither overflow nor vanish"
    return NoVariance("observations must have a positive, finite variance", got=got, remedy=remedy)
