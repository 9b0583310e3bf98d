"""Missing numbers: refused with their places, left out, or filled in; numpy only."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.iterative import Convergence, estimate_noise, impute, shrink

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_MOST_NAMED = 5
_ROUNDING = 1e-12  # of the whole variance: a smaller part that is left over is no noise


class Missing(StrEnum):
    """What becomes of observations with missing numbers."""

    REFUSE = "refuse"
    """They are an error."""
    DROP = "drop"
    """They are left out."""
    MEAN = "mean"
    """Each missing number becomes the mean of its variable."""
    ITERATIVE = "iterative"
    """Each missing number becomes what the first two principal components predict, less noise."""


def refuse(values: Array, missing: Mask, place: Callable[[int, int], Place]) -> None:
    """Refuse missing numbers, naming the first few.

    Args:
        values: (n, p).
        missing: (n, p), which of them are.
        place: returns where row i, column j is in the input.

    Raises:
        InvalidTable: there are some.
    """
    count = int(missing.sum())
    if not count:
        return
    first = np.argwhere(missing[: 1 + _last_row(missing)])[:_MOST_NAMED]
    places = [place(int(row), int(column)) for row, column in first]
    named = "; ".join(map(str, places))
    more = f" and {count - len(first)} more" if count > len(first) else ""
    raise InvalidTable(
        f"each of {values.size} cells must hold a number",
        got=f"{count} missing (empty, NA or nan): {named}{more}",
        remedy="complete them, or say missing=drop, missing=mean or missing=iterative",
        places=places,
    )


def fill(
    values: Array, missing: Mask, how: Missing, model: PcaModel | None = None
) -> tuple[Array, Convergence | None]:
    """Return a copy of `values` in which no number is missing, and how an iteration ended.

    With a model, the mean is the model's, and `iterative` takes what its components predict from
    the numbers that are there: the limit of the iteration, which needs none here. Without one,
    `iterative` is regularised iterative PCA (`iterative.impute`), started from the means.

    Args:
        values: (n, p), nan or anything where missing.
        missing: (n, p), which of them are.
        how: MEAN or ITERATIVE.
        model: of p variables, if there is one.

    Raises:
        InvalidTable: a variable has no number at all.
    """
    if model is not None:
        return _fill_by_model(values, missing, how, model), None
    there = ~missing
    counts = there.sum(axis=0)
    if not counts.all():
        raise InvalidTable(
            "every variable must have a number",
            got=f"none in variable {int(counts.argmin()) + 1}",
            remedy="leave that variable out",
        )
    # The shift keeps the digits of numbers far from zero.
    shift = values[there.argmax(axis=0), np.arange(values.shape[1])]
    filled = values - shift
    filled[missing] = 0.0
    means = filled.sum(axis=0) / counts
    filled = np.where(missing, means, filled)
    convergence = None
    if how is Missing.ITERATIVE and missing.any():
        filled, convergence = impute(filled, missing)
    return np.where(missing, filled + shift, values), convergence


def _fill_by_model(values: Array, missing: Mask, how: Missing, model: PcaModel) -> Array:
    filled: Array = np.where(missing, model.mean, values)
    if how is not Missing.ITERATIVE:
        return filled
    # Components with the standard deviations of their scores, less noise: if these are normal,
    # as in probabilistic PCA (Tipping and Bishop 1999), what is predicted is what is expected.
    noise = _find_noise(model)
    signal = model.explained_variance * shrink(model.explained_variance, noise)
    weighted = model.components * np.sqrt(signal)[:, np.newaxis]
    for row in np.flatnonzero(missing.any(axis=1)):
        there = ~missing[row]
        standard = ((filled[row] - model.mean) / model.scale)[there]
        known = weighted[:, there]
        if noise > 0:
            gram = known @ known.T
            gram[np.diag_indices_from(gram)] += noise
            scores = np.linalg.solve(gram, known @ standard)
        else:
            scores = np.linalg.lstsq(known.T, standard, rcond=None)[0]
        guess = scores @ weighted * model.scale + model.mean
        filled[row, ~there] = guess[~there]
    return filled


def _find_noise(model: PcaModel) -> float:
    """Return the variance of the noise beside the components of a model."""
    total = float(model.variance.sum())
    rest = total - float(model.explained_variance.sum())
    if rest <= _ROUNDING * total:
        return 0.0
    noise = estimate_noise(rest, model.n, len(model.mean), len(model.components))
    return min(noise, float(model.explained_variance[-1]))


def _last_row(missing: Mask) -> int:
    """Return the row of the last missing number that is named."""
    rows = np.flatnonzero(missing.any(axis=1))
    return int(rows[min(len(rows), _MOST_NAMED) - 1])
