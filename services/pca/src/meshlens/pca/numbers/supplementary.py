"""Variables beside an analysis: how they correlate with its components; numpy only."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]


def correlate(scores: Array, values: Array) -> Array:
    """Return (k, s) correlations of scores with other variables of the same observations.

    A variable's missing numbers are left out with their observations; a correlation with what
    does not vary is nan.

    Args:
        scores: (n, k).
        values: (n, s), nan where a number is missing.
    """
    correlations = np.full((scores.shape[1], values.shape[1]), np.nan)
    for column, variable in enumerate(values.T):
        known = np.isfinite(variable)
        if not known.any():
            continue
        x, y = scores[known], variable[known]
        x, y = x - x.mean(axis=0), y - y.mean()
        norm = np.linalg.norm(x, axis=0) * np.linalg.norm(y)
        least = np.finfo(float).eps * len(y) * np.abs(variable[known]).max(initial=0.0)
        if np.abs(y).max(initial=0.0) > least:
            np.divide(y @ x, norm, out=correlations[:, column], where=norm > 0)
    bounded: Array = np.clip(correlations, -1.0, 1.0)
    return bounded
