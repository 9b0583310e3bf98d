"""Observations so far from the mean that chance hardly puts one there; numpy only."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

_EXPECTED = 0.5  # observations beyond the limit


def find_outliers(distances: Array, n: int | None = None) -> Whole:
    """Return the observations that Chauvenet's criterion calls outliers, the outermost first.

    An outlier is so far from the mean that, of n observations from a bivariate normal distribution,
    fewer than half an observation is expected beyond it: a share exp(-d / 2) of them lies beyond a
    squared Mahalanobis distance of d.

    Args:
        distances: (m,), squared Mahalanobis distances in a plane, m at least 1: of all
            observations, or of the outermost.
        n: how many observations there are, if those are not all.
    """
    limit = -2.0 * math.log(_EXPECTED / (n or len(distances)))
    beyond = np.flatnonzero(distances > limit)
    return beyond[np.argsort(-distances[beyond], kind="stable")]
