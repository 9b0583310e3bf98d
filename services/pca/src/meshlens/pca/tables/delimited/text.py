"""Delimited text -> columns: comma, semicolon or tab, with or without a header, quoted or not.

Small bodies are read by the standard library, large ones by Arrow, which reads nothing that the
former would refuse; what Arrow refuses is read again, block by block, to name the place of the
fault.
"""

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from reprlib import repr as shorten
from urllib.parse import unquote_to_bytes

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import (
    Array,
    Content,
    RawTable,
    ReadOptions,
    empty_body,
    ragged,
)
from meshlens.pca.tables.delimited.dialect import BLANK, Dialect, sniff, sniff_line
from meshlens.pca.tables.delimited.layout import Layout, find_header, find_layout

# Below, the standard library is done before Arrow is imported or its threads are awake.
_LARGE = 1 << 16
_BLOCK = 1 << 13  # rows in memory as text at once
_COLUMNS_OF_A_LINE = 2
_CONTENT = re.compile(rb"[^ \r\n]")


def decode_form(body: bytes, options: ReadOptions) -> RawTable:
    """Read text sent by a form, or labelled as a form but not escaped by `curl -d`.

    A plus sign is a space only if anything is escaped; otherwise it belongs to a number.
    """
    if b"%" in body:
        body = unquote_to_bytes(body.replace(b"+", b" "))
    return decode_text(body, options)


def decode_text(body: bytes, options: ReadOptions) -> RawTable:
    """Read `x1,y1,x2,y2,...` on one line, or one observation a line.

    Raises:
        InvalidTable: some cell is neither a number nor missing, or rows differ in length.
    """
    _check_encoding(body)
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(BLANK.encode())
    if not body or body.isspace():
        raise empty_body()
    ends = [place for place in (body.find(b"\n"), body.find(b"\r")) if place >= 0]
    if not ends or not _CONTENT.search(body, min(ends)):
        return _decode_line(body.rstrip(BLANK.encode()), options)
    try:
        return _decode_rows(body, options)
    except csv.Error as error:
        raise InvalidTable(
            "quotes must be closed and fields short", got=str(error), remedy="correct that row"
        ) from None


def _decode_line(line: bytes, options: ReadOptions) -> RawTable:
    dialect = sniff_line(line)
    width = options.columns or _COLUMNS_OF_A_LINE
    values = _decode_large_line(line, width, dialect) if len(line) > _LARGE else None
    if values is None:
        values = np.concatenate([*_parse_line(line, dialect)])
    if values.size % width:
        empty = ", the last of them empty" if math.isnan(values[-1]) else ""
        raise InvalidTable(
            f"the number of values on one line must be a multiple of its {width} columns",
            got=f"{values.size} values{empty}",
            remedy="complete the last observation, say columns=p, or send one row a line"
            " (curl needs --data-binary for that: -d joins the lines)",
        )
    return RawTable(values.reshape(-1, width), places=range(1, width + 1), first_row=None)


def _parse_line(line: bytes, dialect: Dialect) -> Iterator[Array]:
    """Yield the values of a line in parts."""
    start, seen = 0, 0
    while start <= len(line):
        end = line.find(dialect.delimiter.encode(), start + _LARGE)
        end = len(line) if end < 0 else end
        cells = line[start:end].decode().split(dialect.delimiter)
        if b'"' in line:
            cells = [cell.strip().strip('"') for cell in cells]
        values = dialect.parse_all(cells)
        if values is None:
            values = _parse_cells(cells, dialect, lambda at: Place(value=seen + at + 1))  # noqa: B023 - it is called at once
        yield values
        start, seen = end + 1, seen + len(cells)


def _decode_rows(body: bytes, options: ReadOptions) -> RawTable:
    """Read one observation a line, after the line of names if there is one."""
    dialect, head = sniff(body)
    header = find_header(head, dialect, options)
    rows = head[1:] if header else head
    if not rows:
        raise InvalidTable(
            "observations must stand below the names",
            got="a header only",
            remedy="send one row of numbers for each observation, or say header=false",
        )
    width = len(rows[0])
    layout = find_layout(header, rows, dialect, options)
    columns = _decode_large_rows(body, dialect, layout) if len(body) > _LARGE else None
    if columns is None:
        columns = _read_rows(body, width, dialect, layout)
    return columns


def _read_rows(body: bytes, width: int, dialect: Dialect, layout: Layout) -> RawTable:
    """Read every row, a block at a time, and name the first fault."""
    row = layout.first_row
    records = islice(dialect.read_records(body), row - 1, None)
    numbers = layout.numbers
    parts: list[Array] = []
    texts: list[list[str]] = [[] for _ in layout.texts]
    while block := list(islice(records, _BLOCK)):
        if {*map(len, block)} != {width}:
            at = next(at for at, record in enumerate(block) if len(record) != width)
            raise ragged(width, len(block[at]), row + at)
        columns = list(zip(*block, strict=True))
        values = np.empty((len(block), len(numbers)))
        for column, index in enumerate(numbers):
            parsed = dialect.parse_all(columns[index])
            if parsed is None:
                place = _find_place(row, index, layout)
                parsed = _parse_cells(columns[index], dialect, place)
            values[:, column] = parsed
        parts.append(values)
        for cells, index in zip(texts, layout.texts, strict=True):
            known = {cell: cell.strip() for cell in {*columns[index]}}
            if index in layout.pure_names:
                _check_names(known, columns[index], dialect, _find_place(row, index, layout))
            cells.extend(map(known.__getitem__, columns[index]))
        row += len(block)
    return layout.arrange(np.concatenate(parts), texts)


def _find_place(first_row: int, index: int, layout: Layout) -> Callable[[int], Place]:
    name = layout.names[index] if layout.named else ""
    return lambda at: Place(row=first_row + at, column=index + 1, field=name)


def _parse_cells(cells: Sequence[str], dialect: Dialect, place: Callable[[int], Place]) -> Array:
    """Return the numbers in cells, nan where one is missing; `place` returns where a cell is."""
    values = np.empty(len(cells))
    for at, cell in enumerate(cells):
        number = dialect.parse(cell)
        if number is None:
            raise InvalidTable(
                "every field must be a number, with commas, semicolons or tabs between them",
                got=f"{shorten(cell.strip())} at {place(at)}",
                remedy="correct it or leave that observation out",
                places=[place(at)],
            )
        values[at] = number
    return values


def _check_names(
    known: dict[str, str], cells: Sequence[str], dialect: Dialect, place: Callable[[int], Place]
) -> None:
    """Refuse a number in a column of names."""
    numbers = {cell for cell in known if dialect.classify(cell) is Content.NUMBER}
    if numbers:
        at = next(at for at, cell in enumerate(cells) if cell in numbers)
        raise InvalidTable(
            "a column must hold numbers only or names only",
            got=f"{shorten(cells[at].strip())} among names at {place(at)}",
            remedy="correct the column, or say that it holds groups by group=<name>",
            places=[place(at)],
        )


def _decode_large_line(line: bytes, width: int, dialect: Dialect) -> Array | None:
    """Return the values of a line, or None if it must be read cell by cell."""
    from meshlens.pca.tables.delimited import arrow_csv  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    return arrow_csv.read_line(
        line, width=width, delimiter=dialect.delimiter, decimal=dialect.decimal, missing=MISSING
    )


def _decode_large_rows(body: bytes, dialect: Dialect, layout: Layout) -> RawTable | None:
    """Return the columns of rows, or None if they must be read cell by cell."""
    from meshlens.pca.tables.delimited import arrow_csv  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    read = arrow_csv.read_rows(
        body,
        width=len(layout.names),
        texts=layout.texts,
        skip=layout.first_row - 1,
        delimiter=dialect.delimiter,
        decimal=dialect.decimal,
        missing=MISSING,
    )
    if read is None:
        return None
    values, texts = read
    for index, cells in zip(layout.texts, texts, strict=True):
        if index in layout.pure_names and Content.NUMBER in map(dialect.classify, {*cells}):
            return None
    return layout.arrange(values, texts)


def _check_encoding(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidTable(
            "text must be UTF-8",
            got=f"byte 0x{body[error.start]:02x} at position {error.start + 1}",
            remedy="encode it as UTF-8, or name the content type if it is no text",
            places=[Place(byte=error.start + 1)],
        ) from None
