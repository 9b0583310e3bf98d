"""Columns of JSON's cells -> columns of numbers and of names."""

import math
from collections.abc import Sequence
from reprlib import repr as shorten
from typing import Any, TypeAlias

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import Array, Content, NameColumn, RawTable, holds_names

Cells: TypeAlias = Sequence[Any]

SHAPES = (
    'send [[x1, y1], ...], [{"x": x1, "y": y1}, ...], {"x": [x1, ...], "y": [y1, ...]},'
    ' {"columns": ["x", "y"], "data": [[x1, y1], ...]} or an Open Inference tensor'
)
NUMBER_TYPES = {int, float}


def arrange(columns: Sequence[Cells], names: tuple[str, ...], group: str) -> RawTable:
    """Separate columns of numbers from columns of names; that of groups may hold both."""
    at = names.index(group) if group in names else None
    if at is not None:
        columns = [*columns]
        columns[at] = [None if cell is None else str(cell) for cell in columns[at]]
    texts = [
        index
        for index, cells in enumerate(columns)
        if holds_names(_classify(cells, quoted_numbers=index == at))
    ]
    numbers = [index for index in range(len(columns)) if index not in texts]
    if not numbers or not columns[0]:
        raise InvalidTable(
            "JSON must hold at least one row of at least one number", got="none", remedy=SHAPES
        )
    values = np.empty((len(columns[0]), len(numbers)))
    for column, index in enumerate(numbers):
        if {*map(type, columns[index])} - NUMBER_TYPES - {type(None)}:
            raise _not_a_number(columns, names)
        values[:, column] = to_array(columns[index])
    return RawTable(
        values=values,
        places=[index + 1 for index in numbers],
        names=tuple(names[index] for index in numbers) if names else (),
        texts=tuple(
            NameColumn(
                names[index] if names else f"x{index + 1}",
                ["" if cell is None else cell.strip() for cell in columns[index]],
                place=index + 1,
            )
            for index in texts
        ),
    )


def _classify(cells: Cells, *, quoted_numbers: bool) -> set[Content]:
    """Return what is in the cells of a column.

    Numbers in quotes are names only in a column of groups; elsewhere they are reported where
    numbers are read, as is what is neither a number nor text.
    """
    kinds = {*map(type, cells)} - {type(None)}
    if kinds == {str} and (quoted_numbers or not any(map(_is_number, cells))):
        return {Content.NAME}
    return {Content.NUMBER} if kinds else {Content.MISSING}


def to_array(cells: Cells) -> Array:
    """Return numbers and None as an array; an integer beyond a double is infinite."""
    try:
        return np.array(cells, dtype=np.float64)
    except OverflowError:
        pass
    if cells and isinstance(cells[0], list):
        return np.stack([to_array(row) for row in cells])
    values = np.full(len(cells), math.nan)
    for at, cell in enumerate(cells):
        try:
            values[at] = math.nan if cell is None else float(cell)
        except OverflowError:
            values[at] = math.inf if cell > 0 else -math.inf
    return values


def _is_number(cell: object) -> bool:
    if not isinstance(cell, str) or cell in MISSING:
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _not_a_number(columns: Sequence[Cells], names: tuple[str, ...]) -> InvalidTable:
    """Return the error for the first cell, row by row, that is not a number where one must be."""
    mixed = [
        {*map(type, cells)} - {type(None)} != {str} or any(map(_is_number, cells))
        for cells in columns
    ]
    row, column = next(
        (row, column)
        for row, cells in enumerate(zip(*columns, strict=True))
        for column, cell in enumerate(cells)
        if mixed[column] and type(cell) not in NUMBER_TYPES and cell is not None
    )
    place = Place(row=row + 1, column=column + 1, field=names[column] if names else "")
    return InvalidTable(
        "every value must be a JSON number",
        got=f"{shorten(columns[column][row])} at {place}",
        remedy="correct it, without quotes, or leave that observation out",
        places=[place],
    )


def not_a_table(what: object, place: Place | None = None) -> InvalidTable:
    """Return the error for JSON that is not a table, or for the part of it at `place`."""
    where = "the body"
    if place:
        where = f"column {shorten(place.field)}" if place.field else str(place)
    return InvalidTable(
        "JSON must be an array of rows, each an array of numbers, or another table",
        got=f"{shorten(what)} as {where}",
        remedy=SHAPES,
        places=[place] if place else (),
    )
