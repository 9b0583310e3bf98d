"""Columns of JSON's cells -> columns of numbers and of names."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from reprlib import repr as shorten
from typing import Any, TypeAlias

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING, dissect, is_missing, may_be_unit
from meshlens.pca.tables.columns import (
    Array,
    Content,
    NameColumn,
    RawTable,
    holds_names,
)
from meshlens.pca.tables.reading import Reading

Cells: TypeAlias = Sequence[Any]

SHAPES = (
    'send [[x1, y1], ...], [{"x": x1, "y": y1}, ...], {"x": [x1, ...], "y": [y1, ...]},'
    ' {"columns": ["x", "y"], "data": [[x1, y1], ...]} or an Open Inference tensor'
)
NUMBER_TYPES = {int, float}

_TRUTH = "true and false are read as 1 and 0"
_QUOTED = "numbers in quotes are read as numbers"
_WORDS = "words that stand for missing numbers are read as missing"
_NO_NUMBERS = frozenset(MISSING) - {""}
_MOST_NOTED = 10


def arrange(
    columns: Sequence[Cells],
    names: tuple[str, ...],
    declared: Collection[str],
    reading: Reading,
    *,
    labels: Sequence[str] = (),
    first_row: int = 1,
) -> RawTable:
    """Separate columns of numbers from columns of names; declared ones may hold both.

    A column of truth values is one of 0 and 1. A column in which all numbers are in quotes is one
    of numbers, as is one of numbers and the word NA. Each is noted.

    Args:
        columns: the cells of each.
        names: of the columns; empty if they have none.
        declared: names of the columns that hold names whatever is in them.
        reading: how the document is read.
        labels: the names of the observations that are no column.
        first_row: number of the first observation in the document.

    Raises:
        InvalidTable: no column holds numbers, or one holds something else among them.
    """
    chosen = {index for index, name in enumerate(names) if name in declared}
    columns = [
        [None if cell is None else str(cell) for cell in cells] if index in chosen else cells
        for index, cells in enumerate(columns)
    ]
    texts = [
        index
        for index, cells in enumerate(columns)
        if holds_names(_classify(cells, quoted_numbers=index in chosen))
    ]
    for index in texts:
        if index not in chosen:
            place = Place(column=index + 1, field=names[index] if names else "")
            _refuse_dressed(columns[index], place, first_row)
    numbers = [index for index in range(len(columns)) if index not in texts]
    if not numbers or not columns[0]:
        raise InvalidTable(
            "JSON must hold at least one row of at least one number", got="none", remedy=SHAPES
        )
    values = np.empty((len(columns[0]), len(numbers)))
    found: dict[str, list[str]] = {}
    for column, index in enumerate(numbers):
        place = Place(column=index + 1, field=names[index] if names else "")
        values[:, column] = _parse(columns[index], place, first_row, found)
    rows = (NameColumn("index", labels, names_rows=True),) if labels else ()
    return RawTable(
        values=values,
        places=[index + 1 for index in numbers],
        names=tuple(names[index] for index in numbers) if names else (),
        texts=rows
        + tuple(
            NameColumn(
                names[index] if names else f"x{index + 1}",
                ["" if cell is None else cell.strip() for cell in columns[index]],
                place=index + 1,
            )
            for index in texts
        ),
        first_row=first_row,
        reading=_note(reading, found),
    )


def _classify(cells: Cells, *, quoted_numbers: bool) -> set[Content]:
    """Return what is in the cells of a column.

    Numbers in quotes are names only in a column of groups. What is neither a number nor text is
    reported where numbers are read.
    """
    kinds = {*map(type, cells)} - {type(None)}
    if kinds == {str} and all(cell is None or cell in MISSING for cell in cells):
        return {Content.MISSING}
    if kinds == {str} and (quoted_numbers or not any(map(is_number, cells))):
        return {Content.NAME}
    return {Content.NUMBER} if kinds else {Content.MISSING}


def _refuse_dressed(cells: Cells, column: Place, first_row: int) -> None:
    """Refuse a column of text that is all numbers with units, per cent signs or separators."""
    filled = [cell for cell in cells if cell is not None and not is_missing(cell)]
    if filled and all((found := dissect(cell)) and may_be_unit(found) for cell in filled):
        place = replace(column, row=first_row + cells.index(filled[0]))
        raise InvalidTable(
            "every value must be a JSON number",
            got=f"{shorten(filled[0])} at {place}",
            remedy="write it as a number, without quotes, units and separators, or send the table"
            " as CSV; if the column holds groups, say group=<name>",
            places=[place],
        )


def _parse(cells: Cells, column: Place, first_row: int, found: dict[str, list[str]]) -> Array:
    """Return the numbers in the cells of a column.

    Args:
        cells: numbers, None, or what is taken for either.
        column: where they are.
        first_row: number of the first cell's row.
        found: collects what was taken for numbers, and in which columns.

    Raises:
        InvalidTable: a cell holds something else.
    """
    kinds = {*map(type, cells)} - {type(None)}
    if not kinds - NUMBER_TYPES:
        return to_array(cells)
    if kinds == {bool}:
        found.setdefault(_TRUTH, []).append(str(column))
        return to_array([cell if cell is None else int(cell) for cell in cells])
    if kinds == {str} and all(cell is None or cell in MISSING or is_number(cell) for cell in cells):
        numbers = [None if cell is None or cell in MISSING else float(cell) for cell in cells]
        if any(number is not None for number in numbers):
            found.setdefault(_QUOTED, []).append(str(column))
        return to_array(numbers)
    for at, cell in enumerate(cells):
        quoted = kinds == {str} and is_number(cell)
        if not (type(cell) in NUMBER_TYPES or cell is None or quoted or _is_missing(cell)):
            place = replace(column, row=first_row + at)
            raise InvalidTable(
                "every value must be a JSON number",
                got=f"{shorten(cell)} at {place}",
                remedy="correct it, without quotes, or leave out that observation,"
                " or the column by drop=<name>",
                places=[place],
            )
    found.setdefault(_WORDS, []).append(str(column))
    return to_array([None if isinstance(cell, str) else cell for cell in cells])


def _note(reading: Reading, found: Mapping[str, Sequence[str]]) -> Reading:
    notes = (
        f"{what}: {', '.join(of[:_MOST_NOTED])}"
        + (f" and {len(of) - _MOST_NOTED} more" if len(of) > _MOST_NOTED else "")
        for what, of in found.items()
    )
    return replace(reading, notes=(*reading.notes, *notes))


def _is_missing(cell: object) -> bool:
    return isinstance(cell, str) and cell in _NO_NUMBERS


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


def is_number(cell: object) -> bool:
    """Return whether a cell is text that writes a number."""
    if not isinstance(cell, str) or cell in MISSING or "_" in cell or not cell.isascii():
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True


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
