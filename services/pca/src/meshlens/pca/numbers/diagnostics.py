"""How far observations are from a model, and how well it represents them; numpy only."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.numbers.decomposition import PcaModel, center
from meshlens.pca.numbers.moments import split_blocks
from meshlens.pca.numbers.quantiles import f_quantile, normal_quantile

Array: TypeAlias = npt.NDArray[np.float64]

# Of the limits, unless the caller chooses another.
CONFIDENCE = 0.95
# Below this, the exponent of Jackson and Mudholkar is too close to zero for their formula.
_LEAST_EXPONENT = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Upper limits for the observations of a process that is in control.

    Attributes:
        confidence: the probability with which each does.
        t2: of Hotelling's T squared; None if there are too few observations for one.
        spe: of the squared prediction error; None if no variance is left over, or not known.
    """

    confidence: float
    t2: float | None
    spe: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """How far each of n observations is from a model.

    Attributes:
        t2: (n,), Hotelling's T squared: distance from the mean within the components.
        spe: (n,), squared prediction error, or Q: squared distance from the components.
        outliers: (n,), whether one of them is above its limit.
        cos2: (n, k), share of an observation's squared distance from the mean that lies along a
            component; zero for one at the mean.
        contributions: (n, k), share of an observation in a component's variance.
        limits: of t2 and spe.
    """

    t2: Array
    spe: Array
    outliers: npt.NDArray[np.bool_]
    cos2: Array
    contributions: Array
    limits: Limits


def diagnose(
    model: PcaModel, values: Array, scores: Array, *, confidence: float = CONFIDENCE
) -> Diagnostics:
    """Measure observations, those the model was fitted to or new ones, against a model.

    Args:
        model: with the first k components.
        values: (n, p), finite.
        scores: (n, k), theirs.
        confidence: of the limits, within 0 and 1.
    """
    known = has_variance(model)
    # The limits are those of variances with divisor n - 1.
    variance = np.where(known, model.explained_variance, 1.0) * _correct(model)
    squares = np.square(scores)
    t2 = (squares / variance) @ known.astype(np.float64)
    spe, distance = np.empty(len(values)), np.empty(len(values))
    row = 0
    for block in split_blocks(values):
        end = row + len(block)
        standard = center(model, block)
        distance[row:end] = np.square(standard).sum(axis=1)
        standard -= scores[row:end] @ model.components
        spe[row:end] = np.square(standard).sum(axis=1)
        row = end
    limits = find_limits(model, confidence=confidence)
    outliers = t2 > (math.inf if limits.t2 is None else limits.t2)
    outliers |= spe > (math.inf if limits.spe is None else limits.spe)
    apart = np.where(distance > 0, distance, 1.0)[:, np.newaxis]
    return Diagnostics(
        t2=t2,
        spe=spe,
        outliers=outliers,
        cos2=squares / apart,
        contributions=np.where(known, squares / variance, 0.0) / (model.n - 1),
        limits=limits,
    )


def find_limits(model: PcaModel, *, confidence: float) -> Limits:
    """Return the limits of a model.

    The limit of T squared is the one for a new observation, by the F distribution (Tracy, Young
    and Mason 1992); the limit of the error follows Jackson and Mudholkar (1979).
    """
    n, k = model.n, int(has_variance(model).sum())
    t2 = None
    if n > k:
        t2 = k * (n * n - 1) / (n * (n - k)) * f_quantile(confidence, k, n - k)
    return Limits(confidence, t2, _limit_spe(model, confidence))


def has_variance(model: PcaModel) -> npt.NDArray[np.bool_]:
    """Return (k,), whether a component's variance is more than rounding error."""
    largest = max(model.n, len(model.mean)) * float(np.finfo(np.float64).eps)
    known: npt.NDArray[np.bool_] = (
        model.explained_variance > largest**2 * model.explained_variance[0]
    )
    return known


def _correct(model: PcaModel) -> float:
    """Return what turns a model's variances into those with divisor n - 1."""
    return model.freedom / (model.n - 1)


def _limit_spe(model: PcaModel, confidence: float) -> float | None:
    if model.residual is None:
        return None
    factor = _correct(model)
    first, second, third = (
        total * factor**power for power, total in enumerate(model.residual, start=1)
    )
    if not (first > 0 and second > 0):
        return None
    z = normal_quantile(confidence)
    # Quotients only: products of sums that are themselves finite may overflow or vanish.
    spread = second / first / first
    exponent = 1 - 2 / 3 * (third / second) * (first / second)
    if abs(exponent) >= _LEAST_EXPONENT:
        base = 1 + spread * exponent * (exponent - 1)
        base += math.copysign(z, exponent) * math.sqrt(2 * spread) * abs(exponent)
        if base > 0:
            return float(first * base ** (1 / exponent))
    # Box (1954): g times a chi-squared variable of h degrees of freedom, by Wilson and Hilferty.
    freedom = 1 / spread
    cube = 1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))
    return float(second / first * freedom * cube**3)
