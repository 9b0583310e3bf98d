"""Words that several pictures share: subtitle, names in a row, notes on missing cells."""

from collections.abc import Sequence

import numpy as np

from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

MOST_SPOKEN = 20
OUTWEIGHS = 0.95  # of the variance: beyond, one variable decides on the components
_MOST_NOTED = 6
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def summarize(table: Table, model: PcaModel, *, new: bool) -> str:
    """Return the subtitle: how many observations and variables.

    Args:
        table: the observations.
        model: theirs, or an earlier one.
        new: the model is an earlier one.
    """
    n = len(table.values)
    prefix = "standardized " if model.standardized else ""
    if new:
        of = f"the axes of {model.n:,} others, {len(model.names)} {prefix}variables"
        return f"{n:,} new observation{'s' * (n != 1)} on {of}"
    return f"{n:,} observations of {len(model.names)} {prefix}variables"


def note_missing(table: Table) -> list[str]:
    """Return one sentence on filled cells and one on dropped observations, where there are any."""
    notes = []
    if table.filled:
        notes.append(f"{table.filled:,} missing cells were filled in.")
    if table.dropped:
        notes.append(f"{table.dropped:,} observations with missing cells were left out.")
    return notes


def note_weights(model: PcaModel) -> list[str]:
    """Return a sentence on constant variables, and one on a variable that outweighs all others."""
    notes = []
    deviation = np.sqrt(model.variance) * model.scale
    constant = deviation <= _ROUNDING * np.abs(model.mean)
    if constant.any():
        names = [
            name for name, is_constant in zip(model.names, constant, strict=True) if is_constant
        ]
        notes.append(f"Constant, so without weight: {join_names(names, _MOST_NOTED)}.")
    outweighing = find_outweighing(model)
    if outweighing is not None:
        share = 100 * model.variance[outweighing] / model.variance.sum()
        notes.append(
            f"{model.names[outweighing]} holds {share:.1f} % of the variance:"
            " standardize=true weighs all variables alike."
        )
    return notes


def find_outweighing(model: PcaModel) -> int | None:
    """Return the variable that holds almost all of the variance beside others; None for none."""
    first = int(model.variance.argmax())
    alone = np.count_nonzero(model.variance) < 2  # noqa: PLR2004 - there is nothing to outweigh
    if alone or model.standardized:
        return None
    return first if model.variance[first] > OUTWEIGHS * model.variance.sum() else None


def name_component(model: PcaModel, place: int) -> str:
    """Return the name of a component, counted from 0, with its share of the variance."""
    return f"PC {place + 1} ({100 * model.explained_variance_ratio[place]:.1f} %)"


def join_names(names: Sequence[str], most: int = MOST_SPOKEN) -> str:
    """Return the first names in a row, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
