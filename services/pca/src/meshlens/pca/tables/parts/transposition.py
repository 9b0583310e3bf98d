"""Rows as variables and columns as observations: genes below each other, samples side by side."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidOption
from meshlens.pca.tables.columns import RawTable, quote
from meshlens.pca.tables.parts.roles import Cast, Roles
from meshlens.pca.tables.reading import ColumnLeftOut

_OF_OBSERVATIONS = ("group", "color", "shape", "supplementary")


def transpose(cast: Cast, roles: Roles) -> Cast:
    """Return the columns as observations: their names are labels, those of the rows variables.

    The places of the variables are then numbers of rows.

    Raises:
        InvalidOption: a role describes observations by a column, which is one here.
    """
    for option, name in roles.parts():
        if option in _OF_OBSERVATIONS:
            raise InvalidOption(
                "with transpose=true each column is an observation",
                got=f"{option}={quote([name])}",
                remedy="leave one of them out; use, drop and names still choose columns",
                option=option,
            )
    raw = cast.variables
    turned = RawTable(
        values=np.ascontiguousarray(raw.values.T),
        places=[raw.number(row) for row in range(len(raw.values))],
        names=cast.labels,
        reading=raw.reading,
    )
    left_out = cast.left_out
    if cast.groups_column:
        why = "it holds names that occur twice, so it cannot name the variables"
        left_out = (*left_out, ColumnLeftOut(cast.groups_place, cast.groups_column, why))
    return replace(
        cast,
        variables=turned,
        labels=raw.names,
        groups=(),
        groups_column="",
        left_out=left_out,
    )


def locate(turned: RawTable, columns: RawTable) -> Callable[[int, int], Place]:
    """Return what returns where an entry of a transposed table is in the input.

    Args:
        turned: the table.
        columns: what it was before.
    """

    def place(row: int, column: int) -> Place:
        name = columns.names[row] if columns.names else ""
        return Place(row=turned.places[column], column=columns.places[row], field=name)

    return place
