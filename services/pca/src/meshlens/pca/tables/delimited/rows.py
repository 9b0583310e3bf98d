"""Rows of text -> columns, block by block: all is surveyed before anything is read."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from reprlib import repr as shorten

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import dissect, is_missing
from meshlens.pca.tables.columns import Array, RawTable, ReadOptions
from meshlens.pca.tables.delimited.decisions import Find, decide, survey
from meshlens.pca.tables.delimited.dialect import Source, list_skipped
from meshlens.pca.tables.delimited.head import Head
from meshlens.pca.tables.delimited.layout import Columns, Layout
from meshlens.pca.tables.notation import Notation
from meshlens.pca.tables.numerals import Kind, Survey
from meshlens.pca.tables.reading import Reading

_BLOCK = 1 << 13  # rows in memory as text at once
_WORDS = """
total totals sum subtotal mean average avg median min max std sd count n summe gesamt insgesamt
mittelwert durchschnitt mittel moyenne somme suma promedio media totale
"""
_SUMMARIES = frozenset([*_WORDS.split(), "grand total", "std dev", "std. dev.", "∑"])


class Block:
    """Some rows of a table.

    Attributes:
        rows: their numbers.
        columns: their cells.
    """

    def __init__(self, rows: Sequence[int], columns: Sequence[Sequence[str]]) -> None:
        self.rows = rows
        self.columns = columns


def read_rows(
    source: Source, head: Head, layout: Layout, options: ReadOptions, reading: Reading
) -> RawTable:
    """Read every row, and name the first fault.

    Raises:
        InvalidTable: a cell is neither a number nor missing, or it is unclear which it is; rows
            differ in length; or the last row is a summary of the others.
        csv.Error: a quote is not closed, or a field is too long.
    """
    columns, _, rows = decide_rows(source, head, layout, options, survey_first(head, layout))
    raw = read_decided(source, head, columns, rows, reading)
    check_footer([text.cells for text in raw.texts], rows[-1])
    return raw


def decide_rows(
    source: Source, head: Head, layout: Layout, options: ReadOptions, first: Sequence[Survey]
) -> tuple[Columns, list[Survey], Sequence[int]]:
    """Return what the columns hold by all rows, surveys of them, and the numbers of the rows.

    Args:
        source: the text.
        head: its rows begin with the first one; the others are not looked at.
        layout: of the table.
        options: of the caller.
        first: surveys of the first rows of the table.

    Raises:
        InvalidTable: a column has more than one reading, or rows differ in length.
        csv.Error: a quote is not closed, or a field is too long.
    """
    surveys = [Survey() for _ in layout.names]
    rows = array("q")
    for block in read_blocks(source, head):
        rows.extend(block.rows)
        for found, cells in zip(surveys, block.columns, strict=True):
            found.add(cells)

    def find(index: int, concerns: Callable[[str], bool]) -> tuple[int, str]:
        return next(
            (row, cell)
            for block in read_blocks(source, head)
            for row, cell in zip(block.rows, block.columns[index], strict=True)
            if concerns(cell)
        )

    columns = decide(layout, surveys, first, source.dialect.delimiter, options, find)
    return columns, surveys, rows


def read_decided(
    source: Source, head: Head, columns: Columns, rows: Sequence[int], reading: Reading
) -> RawTable:
    """Read the rows of these numbers, whose columns are decided.

    Raises:
        InvalidTable: a cell is neither a number nor missing, or a line may be a comment or not.
        csv.Error: a quote is not closed, or a field is too long.
    """
    values, texts = _read_columns(source, head, columns, len(rows))
    check_comments(source, head, columns)
    return columns.arrange(values, texts, rows, describe(reading, source, head, columns))


def survey_first(head: Head, layout: Layout) -> list[Survey]:
    """Return a survey of the first rows."""
    rows = [row for _, row in head.rows if len(row) == head.width]
    return survey(layout, list(zip(*rows, strict=True)) or [()] * head.width)


def find_first(head: Head) -> Find:
    """Return what finds the first cell of a column that concerns a doubt, in the first rows."""

    def find(index: int, concerns: Callable[[str], bool]) -> tuple[int, str]:
        return next(
            (row, cells[index])
            for row, cells in head.rows
            if len(cells) == head.width and concerns(cells[index])
        )

    return find


def describe(reading: Reading, source: Source, head: Head, columns: Columns) -> Reading:
    """Return how a table was read."""
    skipped = {
        why: [row for row in rows if row != head.header_row] for why, rows in source.skipped.items()
    }
    for row, why in head.skipped.items():
        skipped.setdefault(why, []).append(row)
    mark = next((notation.mark for notation in columns.notations.values()), "")
    return Reading(
        format="delimited text",
        encoding=reading.encoding,
        delimiter=source.dialect.delimiter,
        decimal_mark=mark,
        header_row=head.header_row,
        skipped=list_skipped(skipped),
        notes=(*reading.notes, *head.notes),
    )


def check_footer(texts: Sequence[Sequence[str]], row: int, *, above: bool = False) -> None:
    """Refuse a last row that is called a total, or a mean, of those above it.

    Args:
        texts: columns of names.
        row: the number of the last row.
        above: whether there are rows above these.
    """
    for cells in texts:
        if (above or len(cells) > 2) and cells[-1].strip(" :").casefold() in _SUMMARIES:  # noqa: PLR2004 - two rows have no summary
            place = Place(row=row)
            raise InvalidTable(
                "every row must be an observation",
                got=f"{shorten(cells[-1])} at {place}, which sums up the others",
                remedy=f"leave it out by skip={row}, or give it another name",
                places=[place],
            )


def check_comments(source: Source, head: Head, columns: Columns) -> None:
    """Refuse a line that begins as a comment, but may also be an observation of that name."""
    if columns.kinds[0] is not Kind.NAMES:
        return
    for row, line in source.comments.items():
        record = source.dialect.split(line)
        if len(record) != len(columns.kinds) or row == head.header_row:
            continue
        numbers = [notation.parse(record[at]) for at, notation in columns.notations.items()]
        if None not in numbers and any(number == number for number in numbers):  # noqa: PLR0124 - only nan differs from itself
            place = Place(row=row)
            raise InvalidTable(
                "it must be clear whether a row is a comment or an observation",
                got=f"{shorten(line.strip())} at {place}",
                remedy=f"leave it out by skip={row}, or put its name in quotes",
                places=[place],
            )


def read_blocks(source: Source, head: Head) -> Iterator[Block]:
    """Yield the observations; empty cells behind the last column are cut off."""
    start, width = head.rows[0][0], head.width
    records = (record for record in source.records() if record[0] >= start)
    while block := list(islice(records, _BLOCK)):
        rows = [row for row, _ in block]
        cells = [record for _, record in block]
        if {*map(len, cells)} != {width}:
            for at, record in enumerate(cells):
                if any(cell.strip() for cell in record[width:]) or len(record) < width:
                    raise _ragged(width, len(record), rows[at])
                del record[width:]
        yield Block(rows, list(zip(*cells, strict=True)))


def _read_columns(
    source: Source, head: Head, columns: Columns, count: int
) -> tuple[Array, list[list[str]]]:
    values = np.empty((count, len(columns.notations)))
    names = columns.indices(Kind.NAMES)
    texts: list[list[str]] = [[] for _ in names]
    done = 0
    for block in read_blocks(source, head):
        end = done + len(block.rows)
        for column, (index, notation) in enumerate(columns.notations.items()):
            cells = block.columns[index]
            parsed = notation.parse_all(cells)
            if parsed is None:
                parsed = _parse_cells(cells, notation, block, index, columns.layout)
            values[done:end, column] = parsed
        for known, index in zip(texts, names, strict=True):
            cells = block.columns[index]
            if index not in columns.layout.declared:
                _check_names(cells, block, index, columns.layout)
            stripped = {cell: cell.strip() for cell in {*cells}}
            known.extend(map(stripped.__getitem__, cells))
        done = end
    return values, texts


def _parse_cells(
    cells: Sequence[str], notation: Notation, block: Block, index: int, layout: Layout
) -> Array:
    """Return the numbers in cells, nan where one is missing."""
    known = {cell: notation.parse(cell) for cell in {*cells}}
    if None in known.values():
        at = next(at for at, cell in enumerate(cells) if known[cell] is None)
        raise not_a_number(cells[at], notation, layout.place(block.rows[at], index))
    return np.array([known[cell] for cell in cells], dtype=np.float64)


def not_a_number(cell: str, notation: Notation, place: Place) -> InvalidTable:
    """Return the fault of a cell that holds no number."""
    cell = cell.strip()
    numeral = dissect(cell)
    expected = (
        "every field must be a number, with commas, semicolons, tabs, pipes or blanks between"
    )
    remedy = "correct it or leave that observation out"
    if numeral is not None and notation.mark not in numeral.marks:
        name, other = ("point", "comma") if notation.mark == "." else ("comma", "point")
        expected = f"numbers must have a decimal {name}, as elsewhere in the table"
        remedy = f"write it with a {name}, or say decimal={other} if that is the decimal mark"
    elif numeral is not None and numeral.unit != notation.unit:
        unit = repr(notation.unit) if notation.unit else "no unit"
        expected = f"every number of a column must have the same unit, here {unit}"
    elif cell.isalpha() or not any(map(str.isdigit, cell)):
        remedy += f", or say na={cell[:20]} and missing=drop if it marks a missing number"
    return InvalidTable(expected, got=f"{shorten(cell)} at {place}", remedy=remedy, places=[place])


def _check_names(cells: Sequence[str], block: Block, index: int, layout: Layout) -> None:
    """Refuse a number in a column of names."""
    numbers = {cell for cell in {*cells} if _is_bare_number(cell)}
    if numbers:
        at = next(at for at, cell in enumerate(cells) if cell in numbers)
        place = layout.place(block.rows[at], index)
        raise InvalidTable(
            "a column must hold numbers only or names only",
            got=f"{shorten(cells[at].strip())} among names at {place}",
            remedy="correct the column, or say what it is by group=, names= or drop=<name>",
            places=[place],
        )


def _is_bare_number(cell: str) -> bool:
    if is_missing(cell):
        return False
    numeral = dissect(cell)
    return numeral is not None and not numeral.unit


def _ragged(expected: int, length: int, row: int) -> InvalidTable:
    place = Place(row=row)
    return InvalidTable(
        f"rows must have equal length, {expected} as the first",
        got=f"{length} at {place}",
        remedy=f"complete or shorten that row, or leave it out by skip={row}",
        places=[place],
    )
