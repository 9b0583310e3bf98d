"""Quantiles of the normal and the F distribution, without SciPy, which takes 30 MB and 0.6 s."""

import math
from functools import lru_cache
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-16
_MOST_TERMS = 100_000


def normal_quantile(share: float) -> float:
    """Return what a standard normal variable stays below with probability `share`."""
    return NormalDist().inv_cdf(share)


@lru_cache(maxsize=256)
def f_quantile(share: float, d1: float, d2: float) -> float:
    """Return what an F variable stays below with probability `share`.

    Args:
        share: between 0 and 1, exclusive.
        d1: degrees of freedom of the numerator, positive.
        d2: of the denominator, positive.
    """
    # x / (1 - x) = d1 F / d2 for a beta variable x; bisection on its logit, or F itself, is
    # exact to the last digits at both ends.
    low, high = -700.0, 700.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return d2 / d1 * math.exp(middle)
        if _beta_below(middle, d1 / 2, d2 / 2) < share:
            low = middle
        else:
            high = middle


def _beta_below(logit: float, a: float, b: float) -> float:
    """Return the probability that a beta variable is below 1 / (1 + exp(-logit))."""
    x, rest = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * (math.log(x) if x > 0 else logit)
        + b * (math.log(rest) if rest > 0 else -logit)
    )
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(x, a, b) / a
    return 1 - front * _continued_fraction(rest, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Evaluate DLMF 8.17.22 by Lentz's method."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    fraction = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            step = c * d
            fraction *= step
        if abs(step - 1) <= _PRECISION:
            break
    return fraction
