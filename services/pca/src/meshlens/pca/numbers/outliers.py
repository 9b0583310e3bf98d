"""Observations so far from the mean that chance hardly puts one there; numpy only."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

_EXPECTED = 0.5  # observations beyond the limit


def find_outliers(distances: Array) -> Whole:
    """Return the observations that Chauvenet's criterion calls outliers, the outermost first.

    Of n observations of a normal distribution in two dimensions, fewer than half a one is expected
    as far from the mean: exp(-d / 2) of them lie beyond a squared Mahalanobis distance of d.

    Args:
        distances: (n,), squared Mahalanobis distances in a plane, n at least 1.
    """
    limit = -2.0 * math.log(_EXPECTED / len(distances))
    beyond = np.flatnonzero(distances > limit)
    return beyond[np.argsort(-distances[beyond], kind="stable")]
