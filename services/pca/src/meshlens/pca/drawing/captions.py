"""Words that several pictures share: subtitle, names in a row, how the table was read."""

from collections.abc import Sequence

import numpy as np

from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.scaling import Log, Scaling
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Table

MOST_SPOKEN = 20
OUTWEIGHS = 0.95  # of the variance: beyond, one variable decides on the components
_MOST_NOTED = 6

SCALED = {
    Scaling.NONE: "",
    Scaling.STANDARD: "standardized",
    Scaling.PARETO: "Pareto-scaled",
    Scaling.RANGE: "range-scaled",
    Scaling.VECTOR: "vector-scaled",
}


def summarize(n: int, model: PcaModel, *, new: bool) -> str:
    """Return the subtitle: how many observations and variables.

    Args:
        n: the number of observations.
        model: theirs, or an earlier one.
        new: the model is an earlier one.
    """
    scaled = SCALED[model.scaling]
    variables = f"{len(model.names)} {scaled and f'{scaled} '}variables{_LOGS[model.log]}"
    if new:
        of = f"the axes of {model.n:,} others, {variables}"
        return f"{n:,} new observation{'s' * (n != 1)} on {of}"
    return f"{n:,} observations of {variables}"


def note_reading(table: Table) -> list[str]:
    """Return in a sentence or two how the table was read, and each doubt about it."""
    reading = table.reading
    facts = [
        f"header in row {reading.header_row}" if reading.header_row else "",
        _MARKS.get(reading.delimiter, reading.delimiter and f"{reading.delimiter!r} between cells"),
        "decimal commas" if reading.decimal_mark == "," else "",
        reading.encoding if reading.encoding not in _USUAL_ENCODINGS else "",
        "rows are variables" if reading.transposed else "",
        f"names from {shorten_name(reading.labels)}" if reading.labels else "",
        f"groups from {shorten_name(reading.groups)}" if reading.groups else "",
        _name_left_out(reading),
        *(f"skipped{_name_rows(each.rows, '', reading)} ({each.why})" for each in reading.skipped),
    ]
    said = "; ".join(filter(None, facts))
    notes = [f"Read: {said}."] if said else []
    if table.filled:
        where = _name_rows(reading.filled, ", in", reading)
        cells = "cell was" if table.filled == 1 else "cells were"
        notes.append(f"{table.filled:,} missing {cells} filled in{where}.")
    if table.dropped:
        where = _name_rows(reading.dropped, ":", reading)
        who = "observation with missing cells was" if table.dropped == 1 else _MANY_DROPPED
        notes.append(f"{table.dropped:,} {who} left out{where}.")
    return [*notes, *(f"{note[:1].upper()}{note[1:]}." for note in reading.notes)]


_LOGS = {
    Log.NONE: "",
    Log.E: ", as ln(x)",
    Log.TWO: ", as log2(x)",
    Log.TEN: ", as log10(x)",
    Log.ONE_PLUS: ", as ln(1 + x)",
}
_MARKS = {",": "", "\t": "tabs", ";": "semicolons", " ": "spaces", "|": "pipes"}
_USUAL_ENCODINGS = ("", "ascii", "utf-8")
_MOST_ROWS = 8
_MANY_DROPPED = "observations with missing cells were"
_LONGEST_NAME = 40


def _name_left_out(reading: Reading) -> str:
    names = [shorten_name(column.name) for column in reading.left_out]
    return f"without {join_names(names, _MOST_ROWS)}" if names else ""


def shorten_name(name: str) -> str:
    """Return the name of a column, not too long for a caption."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _name_rows(rows: Sequence[int], before: str, reading: Reading) -> str:
    """Return the numbers of rows, or columns, in words: ": row 3", ": rows 3, 7 and 40 more"."""
    if not rows:
        return ""
    kind = f"{'column' if reading.transposed else 'row'}{'s' * (len(rows) > 1)}"
    return f"{before} {kind} {join_names([*map(str, rows)], _MOST_ROWS)}"


def note_weights(model: PcaModel) -> list[str]:
    """Return a sentence on constant variables, and one on a variable that outweighs all others."""
    notes = []
    if model.constant:
        notes.append(f"Constant, so without weight: {join_names(model.constant, _MOST_NOTED)}.")
    outweighing = weigh_outweighing(model)
    if outweighing:
        name, share = outweighing
        notes.append(
            f"{name} holds {100 * share:.1f} % of the variance:"
            " standardize=true weighs all variables alike."
        )
    return notes


def weigh_outweighing(model: PcaModel) -> tuple[str, float] | None:
    """Return the variable that holds almost all of the variance, and its share; None for none."""
    first = int(model.variance.argmax())
    alone = np.count_nonzero(model.variance) < 2  # noqa: PLR2004 - there is nothing to outweigh
    if alone or model.standardized:
        return None
    share = float(model.variance[first] / model.variance.sum())
    return (model.names[first], share) if share > OUTWEIGHS else None


def name_component(model: PcaModel, place: int) -> str:
    """Return the name of a component, counted from 0, with its share of the variance."""
    return f"PC {place + 1} ({100 * model.explained_variance_ratio[place]:.1f} %)"


def join_names(names: Sequence[str], most: int = MOST_SPOKEN) -> str:
    """Return the first names in a row, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
