"""JSON's rows -> columns: arrays of cells, with or without a row or a list of names."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from pydantic_core import from_json

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import Array, NameColumn, RawTable, ReadOptions, ragged
from meshlens.pca.tables.documents.columns import (
    NUMBER_TYPES,
    SHAPES,
    Cells,
    arrange,
    is_number,
    not_a_table,
    to_array,
)
from meshlens.pca.tables.reading import Reading

_LARGE = 1 << 20  # bytes
_ROWS = Reading(format="JSON rows")


def decode_large_rows(body: bytes) -> RawTable | None:
    """Return rows of numbers, parsed in parts, or None if the body must be parsed as a whole.

    Python's own numbers take nine times the memory of an array. If each part between two rows
    is the inside of an array, the whole is an array.
    """
    if len(body) <= _LARGE:
        return None
    start, end = body.find(b"[") + 1, body.rfind(b"]")
    if body[: start - 1].strip() or body[end + 1 :].strip():
        return None
    parts: list[Array] = []
    while start < end:
        stop = body.find(b"],", start + _LARGE, end)
        stop = end if stop < 0 else stop + 1
        try:
            rows = from_json(b"[%b]" % body[start:stop])
        except ValueError:
            return None
        width = parts[0].shape[1] if parts else len(rows[0]) if rows and rows[0] else 0
        if not rows or not width or {*map(type, rows)} != {list} or {*map(len, rows)} != {width}:
            return None
        if {*map(type, chain.from_iterable(rows))} - NUMBER_TYPES - {type(None)}:
            return None
        parts.append(to_array(rows))
        start = stop + 1
    values = np.concatenate(parts)
    return RawTable(values, places=range(1, values.shape[1] + 1), reading=_ROWS)


def decode_rows(rows: Cells, options: ReadOptions, reading: Reading = _ROWS) -> RawTable:
    """Read [[x1, y1], [x2, y2], ...], in which the first row may hold the names.

    Raises:
        InvalidTable: a row is no array or has another length, or a cell is not a number.
    """
    _check_rows(rows)
    if _has_header(rows) if options.header is None else options.header:
        names = tuple("" if cell is None else str(cell).strip() for cell in rows[0])
        names = tuple(name or f"x{index + 1}" for index, name in enumerate(names))
        if len(rows) == 1:
            raise InvalidTable(
                "observations must stand below the names",
                got="a row of names only",
                remedy="send one row of numbers for each observation, or say header=false",
            )
        reading = replace(reading, header_row=1)
        return decode_named_rows(rows[1:], names, options, reading, first_row=2)
    return decode_named_rows(rows, (), options, reading)


def decode_split(names: Cells, rows: Cells, index: object, options: ReadOptions) -> RawTable:
    """Read {"columns": ["x", "y"], "data": [[x1, y1], ...], "index": ["a", ...]}.

    Raises:
        InvalidTable: as of rows; or the index has another length.
    """
    labels: tuple[str, ...] = ()
    if isinstance(index, list) and index != [*range(len(rows))]:
        if len(index) != len(rows):
            raise InvalidTable(
                f"index must name each of the {len(rows)} rows",
                got=f"{len(index)} names",
                remedy="correct it or leave it out",
            )
        labels = tuple(map(join, index))
    reading = Reading(format="pandas split")
    _check_rows(rows, len(names))
    read = decode_named_rows(rows, tuple(map(join, names)), options, reading)
    if not labels:
        return read
    return replace(read, texts=(NameColumn("index", labels, names_rows=True), *read.texts))


def join(name: object) -> str:
    """Return a name as text; one of several levels is an array."""
    return ", ".join(map(str, name)) if isinstance(name, list) else str(name)


def decode_named_rows(
    rows: Cells, names: tuple[str, ...], options: ReadOptions, reading: Reading, first_row: int = 1
) -> RawTable:
    """Read rows of equal length whose columns have these names, or none."""
    if not {*map(type, chain.from_iterable(rows))} - NUMBER_TYPES and options.declared.isdisjoint(
        names
    ):
        return RawTable(
            to_array(rows),
            places=range(1, len(rows[0]) + 1),
            names=names,
            first_row=first_row,
            reading=reading,
        )
    columns = [*zip(*rows, strict=True)]
    return arrange(columns, names, options.declared, reading, first_row=first_row)


def _check_rows(rows: Cells, width: int = 0) -> None:
    if {*map(type, rows)} - {list}:
        at = next(at for at, row in enumerate(rows) if not isinstance(row, list))
        raise not_a_table(rows[at], Place(row=at + 1))
    width = width or (len(rows[0]) if rows else 0)
    if not rows or not width:
        raise InvalidTable(
            "JSON must hold at least one row of at least one number", got="none", remedy=SHAPES
        )
    if {*map(len, rows)} != {width}:
        at = next(at for at, row in enumerate(rows) if len(row) != width)
        raise ragged(width, len(rows[at]), at + 1)


def _has_header(rows: Sequence[Cells]) -> bool:
    """Return whether the first row holds names only, and one of them above a column of numbers."""
    if not all(cell is None or (isinstance(cell, str) and not is_number(cell)) for cell in rows[0]):
        return False
    columns = zip(*rows, strict=True)
    return any(
        first is not None
        and any(type(cell) in NUMBER_TYPES or is_number(cell) for cell in rest)
        and not any(isinstance(cell, str) and not is_number(cell) for cell in rest if cell)
        for first, *rest in columns
    )
