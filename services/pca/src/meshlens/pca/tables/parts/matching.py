"""Columns of new observations <-> the variables of a fit."""

from dataclasses import replace

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import name_variables
from meshlens.pca.tables.columns import RawTable, quote
from meshlens.pca.tables.reading import ColumnLeftOut


def match(raw: RawTable, names: tuple[str, ...]) -> tuple[RawTable, tuple[ColumnLeftOut, ...]]:
    """Put columns in the order of a fit's variables, by name where both have names.

    Args:
        raw: the columns of numbers.
        names: the variables of the fit.

    Returns:
        The variables, and the columns that the fit does not know, which are left out.

    Raises:
        InvalidTable: a variable is absent, or the name of several columns.
    """
    unnamed = names == name_variables(len(names))
    if not raw.names or unnamed or raw.names == names:
        return raw, ()
    absent = [name for name in names if name not in raw.names]
    other = [name for name in raw.names if name not in names]
    twice = [name for name in names if raw.names.count(name) > 1]
    if absent:
        raise InvalidTable(
            f"columns must have the names of the fit, {quote(names)}, in any order",
            got=f"no column {quote(absent)}" + (f" but {quote(other)}" if other else ""),
            remedy="rename the columns, or send rows without a header in the order of the fit",
        )
    if twice:
        raise InvalidTable(
            "a variable of the fit must be the name of one column",
            got=f"several columns {quote(twice)}",
            remedy="leave out or rename all but one of them",
        )
    left_out = tuple(
        ColumnLeftOut(place, name, "it is no variable of the fit")
        for place, name in zip(raw.places, raw.names, strict=True)
        if name in other
    )
    order = [raw.names.index(name) for name in names]
    matched = replace(
        raw,
        values=raw.values[:, order],
        names=names,
        places=[raw.places[index] for index in order],
    )
    return matched, left_out
