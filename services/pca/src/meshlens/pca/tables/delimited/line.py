"""One line of numbers, `x1,y1,x2,y2,...`, and what a form has made of several."""

import math
from collections.abc import Iterator, Sequence
from reprlib import repr as shorten

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING, is_plain
from meshlens.pca.tables.columns import Array, RawTable, ReadOptions
from meshlens.pca.tables.delimited.dialect import Dialect
from meshlens.pca.tables.delimited.sniffing import sniff_line
from meshlens.pca.tables.notation import Notation
from meshlens.pca.tables.numerals import Survey, find_mark
from meshlens.pca.tables.reading import Reading

LARGE = 1 << 16  # bytes; below, the standard library is done before Arrow is imported or awake
_PART = 1 << 16
_COLUMNS = 2
_START = 1000
_JOINED = 1.5  # times as many characters as at the ends, where two numbers have become one
_FEWEST_OF_TWO = 50  # such numbers
_DATA_BINARY = "send rows with --data-binary (curl -d joins the lines)"


def read_line(line: bytes, options: ReadOptions, reading: Reading, *, form: bool) -> RawTable:
    """Read a body that is one line.

    Args:
        line: UTF-8.
        options: of the caller.
        reading: what is known of the body.
        form: whether a form has sent it, which may have joined lines.

    Raises:
        InvalidTable: some cell is neither a number nor missing, the last observation is
            incomplete, or the line may be rows that were joined.
    """
    dialect = sniff_line(line[:_START].decode(errors="ignore"), options.text)
    notation = _find_notation(line, dialect, options)
    width = options.columns or _COLUMNS
    values = _read_large(line, width, dialect, notation) if len(line) > LARGE else None
    if values is None:
        values = np.concatenate([*_parse_line(line, dialect, notation, form=form)])
    if values.size % width:
        empty = ", the last of them empty" if math.isnan(values[-1]) else ""
        raise InvalidTable(
            f"the number of values on one line must be a multiple of its {width} columns",
            got=f"{values.size} values{empty}",
            remedy="complete the last observation, say columns=p, or"
            f" {_DATA_BINARY if form else 'write one row a line'}",
        )
    notes: tuple[str, ...] = ()
    if form:
        if values.size > width and _may_be_rows(line, dialect):
            raise InvalidTable(
                "a form of one line must hold x1,y1,x2,y2,...",
                got=f"{values.size} values, which may also be rows whose lines were joined",
                remedy=f"{_DATA_BINARY}; if it is one line, end it with a line break, or send it as"
                " content type text/csv",
            )
        note = f"one line was read as observations of {width} variables each; if it was rows,"
        notes = (f"{note} {_DATA_BINARY}",)
    return RawTable(
        values.reshape(-1, width),
        places=range(1, width + 1),
        first_row=None,
        reading=Reading(
            format="one line of text",
            encoding=reading.encoding,
            delimiter=dialect.delimiter,
            decimal_mark=notation.mark,
            notes=(*reading.notes, *notes),
        ),
    )


def _find_notation(line: bytes, dialect: Dialect, options: ReadOptions) -> Notation:
    # Between numbers a comma is in none of them.
    mark = options.text.decimal or ("." if dialect.delimiter == "," else "")
    if not mark:
        survey = Survey()
        survey.add(line[:_START].decode(errors="ignore").split(dialect.delimiter)[:-1])
        mark, _, _ = find_mark([survey.summarize()], dialect.delimiter)
    return Notation(mark, missing=options.text.missing)


def _parse_line(
    line: bytes, dialect: Dialect, notation: Notation, *, form: bool
) -> Iterator[Array]:
    """Yield the values of a line in parts."""
    start, seen = 0, 0
    while start <= len(line):
        end = line.find(dialect.delimiter.encode(), start + _PART)
        end = len(line) if end < 0 else end
        cells = line[start:end].decode().split(dialect.delimiter)
        if dialect.delimiter == " ":
            cells = line[start:end].decode().split()
        if b'"' in line:
            cells = [cell.strip().strip('"') for cell in cells]
        values = notation.parse_all(cells)
        if values is None:
            values = _parse_cells(cells, notation, seen, form=form)
        yield values
        start, seen = end + 1, seen + len(cells)


def _parse_cells(cells: Sequence[str], notation: Notation, seen: int, *, form: bool) -> Array:
    values = np.empty(len(cells))
    for at, cell in enumerate(cells):
        number = notation.parse(cell)
        if number is None:
            place = Place(value=seen + at + 1)
            joined = f"; {_DATA_BINARY}" if form else ""
            raise InvalidTable(
                "every field must be a number, with commas, semicolons or tabs between them",
                got=f"{shorten(cell.strip())} at {place}",
                remedy=f"correct it or leave that observation out{joined}",
                places=[place],
            )
        values[at] = number
    return values


def _may_be_rows(line: bytes, dialect: Dialect) -> bool:
    """Return whether a line may be rows of two numbers or more whose line ends are gone.

    Then each number that the last of a row and the first of the next have become can be divided
    again, and is longer than those that stand alone. For rows of two these are the ends of the
    line only, which are the shortest of a few points by chance, too.
    """
    cells = [cell.strip() for cell in line.decode().split(dialect.delimiter)]
    steps = len(cells) - 1
    for step in range(1, steps // 2 + 1):
        if steps % step:
            continue
        joined = cells[step:-1:step]
        alone = [cell for at, cell in enumerate(cells) if at % step or at in (0, steps)]
        if not all(map(_can_be_divided, joined)):
            continue
        longer = sum(map(len, joined)) / len(joined) >= _JOINED * sum(map(len, alone)) / len(alone)
        enough = step > 1 or len(joined) >= _FEWEST_OF_TWO
        if longer and enough and min(map(len, joined)) > max(map(len, alone)):
            return True
    return False


def _can_be_divided(cell: str) -> bool:
    return any(
        _is_written_so(cell[:at]) and _is_written_so(cell[at:]) for at in range(1, len(cell))
    )


def _is_written_so(cell: str) -> bool:
    """Return whether people write a number like this: not 07, 5. or .5."""
    digits = cell.lstrip("+-")
    if not is_plain(cell) or digits[:1] == "." or cell[-1:] == ".":
        return False
    return not (len(digits) > 1 and digits[0] == "0" and digits[1].isdigit())


def _read_large(line: bytes, width: int, dialect: Dialect, notation: Notation) -> Array | None:
    """Return the values of a line, or None if it must be read cell by cell."""
    from meshlens.pca.tables.delimited import arrow_csv  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    if dialect.delimiter == " ":
        return None
    return arrow_csv.read_line(
        line,
        width=width,
        delimiter=dialect.delimiter,
        decimal=notation.mark,
        missing=[*MISSING, *notation.missing],
    )
