"""Missing numbers: refused with their places, left out, or filled in; numpy only."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.moments import Moments

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_MOST_NAMED = 5
_MOST_ITERATIONS = 200
_TOLERANCE = 1e-7
_RANK = 2


class Missing(StrEnum):
    """What becomes of observations with missing numbers."""

    REFUSE = "refuse"
    """They are an error."""
    DROP = "drop"
    """They are left out."""
    MEAN = "mean"
    """Each missing number becomes the mean of its variable."""
    ITERATIVE = "iterative"
    """Each missing number becomes what the first two principal components predict."""


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


def fill(values: Array, missing: Mask, how: Missing, model: PcaModel | None = None) -> Array:
    """Return a copy of `values` in which no number is missing.

    With a model, the mean is the model's, and `iterative` chooses the point of the model's plane
    nearest to the numbers that are there. Without one, `iterative` is Kiers' iterative PCA (1997;
    EM for a fixed rank) of two components on variables divided by their standard deviations,
    started from the means.

    Args:
        values: (n, p), nan or anything where missing.
        missing: (n, p), which of them are.
        how: MEAN or ITERATIVE.
        model: of p variables, if there is one.

    Raises:
        InvalidTable: a variable has no number at all.
    """
    if model is not None:
        return _fill_by_model(values, missing, how, model)
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
    if how is Missing.ITERATIVE:
        filled = _iterate(filled, missing)
    return np.where(missing, filled + shift, values)


def _iterate(filled: Array, missing: Mask) -> Array:
    """Return the limit of alternating between fitting and filling in."""
    n, p = filled.shape
    rank = max(1, min(_RANK, p - 1, n - 2))
    rows = missing.any(axis=1)
    scale = filled.std(axis=0)
    scale[scale == 0.0] = 1.0
    whole, broken = filled[~rows] / scale, filled[rows] / scale
    # Complete observations never change, and neither do their sums.
    zero = np.zeros(p)
    known = Moments.of(whole, shift=zero) if len(whole) else None
    holes = missing[rows]
    for _ in range(_MOST_ITERATIONS):
        moments = Moments.of(broken, shift=zero)
        moments = moments.merge(known) if known else moments
        _, directions = np.linalg.eigh(np.asarray(moments.scatter))
        plane = directions[:, -rank:]
        guess = (broken - moments.mean) @ plane @ plane.T + moments.mean
        after = np.where(holes, guess, broken)
        change, size = np.square(after - broken).sum(), np.square(after).sum()
        broken = after
        if change <= _TOLERANCE**2 * size:
            break
    result = filled.copy()
    result[rows] = broken * scale
    return result


def _fill_by_model(values: Array, missing: Mask, how: Missing, model: PcaModel) -> Array:
    filled: Array = np.where(missing, model.mean, values)
    if how is not Missing.ITERATIVE:
        return filled
    for row in np.flatnonzero(missing.any(axis=1)):
        there = ~missing[row]
        standard = ((filled[row] - model.mean) / model.scale)[there]
        scores = np.linalg.lstsq(model.components[:, there].T, standard, rcond=None)[0]
        guess = scores @ model.components * model.scale + model.mean
        filled[row, ~there] = guess[~there]
    return filled


def _last_row(missing: Mask) -> int:
    """Return the row of the last missing number that is named."""
    rows = np.flatnonzero(missing.any(axis=1))
    return int(rows[min(len(rows), _MOST_NAMED) - 1])
