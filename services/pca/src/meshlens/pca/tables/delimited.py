"""Delimited text -> columns: comma, semicolon or tab, with or without a header, quoted or not.

Small bodies are read by the standard library, large ones by Arrow, which reads nothing that the
former would refuse; what Arrow refuses is read again, block by block, to name the place of the
fault.
"""

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import chain, islice
from operator import methodcaller
from reprlib import repr as shorten
from urllib.parse import unquote_to_bytes

import numpy as np
from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import MOST_COLUMNS, Array, Columns, Reading, Text, too_wide

# Cells that are no numbers and no names either: the number is not known.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "?", ".")

# Below, the standard library is done before Arrow is imported or its threads are awake.
_LARGE = 1 << 16
_HEAD = 100  # rows that tell which columns hold numbers
_BLOCK = 1 << 13  # rows in memory as text at once
_BLANK = " \r\n"  # a line of tabs is a row of missing cells
_COLUMNS_OF_A_LINE = 2
_CONTENT = re.compile(rb"[^ \r\n]")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_MISSING = frozenset(MISSING)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are parted, and what stands before their decimals."""

    delimiter: str
    decimal: str = "."

    def parse(self, cell: str) -> float | None:
        """Return the number in a cell, nan if it is missing, None if there is something else.

        It reads less than float() does: ASCII without underscores.
        """
        cell = cell.strip()
        if cell in _MISSING:
            return math.nan
        if self.decimal != ".":
            if "." in cell:
                return None
            cell = cell.replace(self.decimal, ".")
        if "_" in cell or not cell.isascii():
            return None
        try:
            return float(cell)
        except ValueError:
            return None

    def is_number(self, cell: str) -> bool:
        """Say whether a cell holds a number, be it infinite."""
        number = self.parse(cell)
        return number is not None and not math.isnan(number)


def decode_form(body: bytes, reading: Reading) -> Columns:
    """Read text that a form has sent, or that `curl -d` has labelled so without escaping it.

    A plus sign is a space only where something is escaped: else it belongs to a number.
    """
    if b"%" in body:
        body = unquote_to_bytes(body.replace(b"+", b" "))
    return decode_text(body, reading)


def decode_text(body: bytes, reading: Reading) -> Columns:
    """Read `x1,y1,x2,y2,...` on one line, or one observation a line.

    Raises:
        InvalidTable: some cell is neither a number nor missing, or rows differ in length.
    """
    _check_encoding(body)
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK.encode())
    if not body or body.isspace():
        raise nothing()
    ends = [place for place in (body.find(b"\n"), body.find(b"\r")) if place >= 0]
    if not ends or not _CONTENT.search(body, min(ends)):
        return _decode_line(body.rstrip(_BLANK.encode()), reading)
    try:
        return _decode_rows(body, reading)
    except csv.Error as error:
        raise InvalidTable(
            "quotes must be closed and fields short", got=str(error), remedy="correct that row"
        ) from None


def _decode_line(line: bytes, reading: Reading) -> Columns:
    delimiter = _find_delimiter(line)
    start = line[:1000].decode(errors="ignore").split(delimiter)
    dialect = Dialect(delimiter, _find_decimal(delimiter, start))
    width = reading.columns or _COLUMNS_OF_A_LINE
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
    return Columns(values.reshape(-1, width), places=range(1, width + 1), first_row=None)


def _parse_line(line: bytes, dialect: Dialect) -> Iterator[Array]:
    """Yield the values of a line, a part of it at a time."""
    start, seen = 0, 0
    while start <= len(line):
        end = line.find(dialect.delimiter.encode(), start + _LARGE)
        end = len(line) if end < 0 else end
        cells = _split(line[start:end], dialect)
        if b'"' in line:
            cells = [cell.strip().strip('"') for cell in cells]
        values = _parse_quickly(cells, dialect)
        if values is None:
            values = _parse_slowly(cells, dialect, lambda at: Place(value=seen + at + 1))  # noqa: B023 - it is called at once
        yield values
        start, seen = end + 1, seen + len(cells)


def _split(part: bytes, dialect: Dialect) -> list[str]:
    return part.decode().split(dialect.delimiter)


def _decode_rows(body: bytes, reading: Reading) -> Columns:
    """Read one observation a line, after the line of names if there is one."""
    dialect, head = _sniff(body)
    header = _find_header(head, dialect, reading)
    rows = head[1:] if header else head
    if not rows:
        raise InvalidTable(
            "observations must stand below the names",
            got="a header only",
            remedy="send one row of numbers for each observation, or say header=false",
        )
    width = len(rows[0])
    layout = _lay_out(header, rows, dialect, reading)
    columns = _decode_large_rows(body, dialect, layout) if len(body) > _LARGE else None
    if columns is None:
        columns = _read_rows(_read_records(body, dialect), width, dialect, layout)
    return columns


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in which column.

    Attributes:
        names: of all columns; made up where there is no header.
        named: whether the input has a header.
        texts: indices of the columns of names.
        row_names: index of the column that names the rows by its place, None if there is none.
        group: index of the column of groups that may hold numbers as well, None if there is none.
    """

    names: tuple[str, ...]
    named: bool
    texts: tuple[int, ...]
    row_names: int | None
    group: int | None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Indices of the columns of numbers."""
        return tuple(index for index in range(len(self.names)) if index not in self.texts)

    def arrange(self, values: Array, texts: Sequence[Sequence[str]]) -> Columns:
        """Return the columns that were read according to this."""
        numbers = self.numbers
        if not numbers:
            raise InvalidTable(
                "at least one column must hold numbers",
                got=f"names only, in all {len(self.names)} columns",
                remedy="send one row of numbers for each observation",
            )
        return Columns(
            values=values,
            places=[index + 1 for index in numbers],
            names=tuple(self.names[index] for index in numbers) if self.named else (),
            texts=tuple(
                Text(self.names[index], cells, names_rows=index == self.row_names)
                for index, cells in zip(self.texts, texts, strict=True)
            ),
            first_row=2 if self.named else 1,
        )


def _lay_out(
    header: tuple[str, ...], rows: Sequence[Sequence[str]], dialect: Dialect, reading: Reading
) -> Layout:
    width = len(rows[0])
    row_names = None
    if header and len(header) == width - 1:
        # R's write.table leaves the column of row names without a name.
        header, row_names = ("", *header), 0
    elif header and not header[0] and width > 1:
        row_names = 0
    if header and len(header) != width:
        raise InvalidTable(
            f"rows must have the {len(header)} columns that row 1 names",
            got=f"{width}",
            remedy="name each column, or send no header",
            places=[Place(row=1)],
        )
    names = tuple((header[index] if header else "") or f"x{index + 1}" for index in range(width))
    group = names.index(reading.group) if reading.group in names else None
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    texts = tuple(
        index
        for index, cells in enumerate(columns)
        if index in (group, row_names) or _holds_names(cells, dialect)
    )
    return Layout(names, bool(header), texts, row_names, group)


def _holds_names(cells: Sequence[str], dialect: Dialect) -> bool:
    """Say whether none of the cells is a number, and not all are missing."""
    if _parse_quickly(cells, dialect) is not None:
        return False
    numbers = [dialect.parse(cell) for cell in {*cells}]
    return None in numbers and all(number is None or math.isnan(number) for number in numbers)


def _read_rows(
    records: Iterator[list[str]], width: int, dialect: Dialect, layout: Layout
) -> Columns:
    """Read every row, a block at a time, and name the first fault."""
    first = row = 2 if layout.named else 1
    records = islice(records, first - 1, None)
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
            parsed = _parse_quickly(columns[index], dialect)
            if parsed is None:
                place = _name_cell(row, index, layout)
                parsed = _parse_slowly(columns[index], dialect, place)
            values[:, column] = parsed
        parts.append(values)
        for cells, index in zip(texts, layout.texts, strict=True):
            known = {cell: cell.strip() for cell in {*columns[index]}}
            if index not in (layout.group, layout.row_names):
                _check_names(known, columns[index], dialect, _name_cell(row, index, layout))
            cells.extend(map(known.__getitem__, columns[index]))
        row += len(block)
    return layout.arrange(np.concatenate(parts), texts)


def _name_cell(first_row: int, index: int, layout: Layout) -> Callable[[int], Place]:
    name = layout.names[index] if layout.named else ""
    return lambda at: Place(row=first_row + at, column=index + 1, field=name)


def _parse_quickly(cells: Sequence[str], dialect: Dialect) -> Array | None:
    """Return the numbers in cells of which each is one, else None."""
    joined = "".join(cells)
    if "_" in joined or not joined.isascii():
        return None
    if dialect.decimal != ".":
        if "." in joined:
            return None
        cells = [cell.replace(dialect.decimal, ".") for cell in cells]
    try:
        return np.array([*map(float, cells)])
    except ValueError:
        return None


def _parse_slowly(cells: Sequence[str], dialect: Dialect, place: Callable[[int], Place]) -> Array:
    """Return the numbers in cells, nan where one is missing; `place` says where a cell stands."""
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
    numbers = {cell for cell in known if dialect.is_number(cell)}
    if numbers:
        at = next(at for at, cell in enumerate(cells) if cell in numbers)
        raise InvalidTable(
            "a column must hold numbers only or names only",
            got=f"{shorten(cells[at].strip())} among names at {place(at)}",
            remedy="correct the column, or say that it holds groups by group=<name>",
            places=[place(at)],
        )


def _sniff(body: bytes) -> tuple[Dialect, list[list[str]]]:
    """Return the dialect and the first rows."""
    first = next(_read_lines(body))
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = _find_delimiter(unquoted.encode())
    if unquoted.count(delimiter) >= MOST_COLUMNS:
        raise too_wide(unquoted.count(delimiter) + 1)
    head = list(islice(_read_records(body, Dialect(delimiter)), _HEAD))
    return Dialect(delimiter, _find_decimal(delimiter, chain.from_iterable(head))), head


def _find_delimiter(line: bytes) -> str:
    return next((mark for mark in "\t;" if mark.encode() in line), ",")


def _find_decimal(delimiter: str, cells: Iterator[str] | Sequence[str]) -> str:
    if delimiter == ",":
        return "."
    return "," if any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) else "."


def _find_header(
    head: Sequence[Sequence[str]], dialect: Dialect, reading: Reading
) -> tuple[str, ...]:
    """Return the names in the first row if no field of it is a number, else nothing."""
    header = reading.header
    if header is None:
        header = not any(map(dialect.is_number, head[0])) and not all(
            cell.strip() in _MISSING - {""} for cell in head[0]
        )
    return tuple(field.strip() for field in head[0]) if header else ()


def _read_lines(body: bytes) -> Iterator[str]:
    """Yield the lines that are not blank, one at a time: a list of them takes much memory."""
    lines = TextIOWrapper(BytesIO(body), encoding="utf-8", newline="")
    return filter(methodcaller("strip", _BLANK), lines)


def _read_records(body: bytes, dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(
        _read_lines(body), delimiter=dialect.delimiter, skipinitialspace=True, strict=True
    )


def _decode_large_line(line: bytes, width: int, dialect: Dialect) -> Array | None:
    """Return the values of a line, or None if it takes a closer style."""
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    return arrow_ipc.read_line(
        line, width=width, delimiter=dialect.delimiter, decimal=dialect.decimal, missing=MISSING
    )


def _decode_large_rows(body: bytes, dialect: Dialect, layout: Layout) -> Columns | None:
    """Return the columns of rows, or None if they take a closer style."""
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    read = arrow_ipc.read_rows(
        body,
        width=len(layout.names),
        texts=layout.texts,
        skip=1 if layout.named else 0,
        delimiter=dialect.delimiter,
        decimal=dialect.decimal,
        missing=MISSING,
    )
    if read is None:
        return None
    values, texts = read
    for index, cells in zip(layout.texts, texts, strict=True):
        if index not in (layout.group, layout.row_names) and any(map(dialect.is_number, {*cells})):
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


def ragged(expected: int, length: int, row: int) -> InvalidTable:
    """Return the fault of a row that is longer or shorter than the first."""
    place = Place(row=row)
    return InvalidTable(
        f"rows must have equal length, {expected} as the first",
        got=f"{length} at {place}",
        remedy="complete or shorten that row",
        places=[place],
    )


def nothing() -> InvalidTable:
    """Return the fault of a body without observations."""
    return InvalidTable(
        "the body must hold observations",
        got="an empty body",
        remedy="send numbers as x1,y1,x2,y2,... or one row a line",
    )
