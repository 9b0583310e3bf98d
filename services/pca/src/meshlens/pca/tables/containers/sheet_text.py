"""Rows of a worksheet -> delimited text, so that a sheet is read as what Excel would export."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import MOST_COLUMNS, too_wide

Cell: TypeAlias = object

DELIMITER = "\t"

# The grid of Excel has no more rows; a sheet that says so is made up.
_MOST_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class SheetText:
    """A worksheet as text.

    Attributes:
        text: a line for each row, blank for an empty one; cells have tabs between them, those of
            text are in quotes.
        width: how many cells each line has.
        rows: how many lines are not blank.
        has_numbers: whether any cell is a number.
    """

    text: bytes
    width: int
    rows: int
    has_numbers: bool


def write_text(rows: Iterable[tuple[Cell, ...]], most: int) -> SheetText:
    """Return rows as text, without empty columns at the left and the right.

    Args:
        rows: the cells of each, None where empty; rows may differ in length.
        most: how many cells the text may have.

    Raises:
        InvalidTable: it would have more, or the sheet has more columns or rows than are read.
    """
    kept: list[tuple[int, tuple[Cell, ...]]] = []
    first, last, has_numbers = _MOST_ROWS, -1, False
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise InvalidTable(
                f"a sheet has at most {_MOST_ROWS} rows", got="more", remedy="save it again"
            )
        filled = [at for at, cell in enumerate(row) if cell is not None and cell != ""]
        if not filled:
            continue
        first, last = min(first, filled[0]), max(last, filled[-1])
        width = last - first + 1
        if width > MOST_COLUMNS:
            raise too_wide(width)
        has_numbers = has_numbers or any(type(row[at]) in (int, float) for at in filled)
        kept.append((number, row[: filled[-1] + 1]))
        if len(kept) * width > most:
            raise InvalidTable(
                f"a sheet in a workbook of this size may have {most} cells",
                got="more",
                remedy="save the sheet as CSV, and send that",
            )
    return SheetText(_join(kept, first, last), max(last - first + 1, 0), len(kept), has_numbers)


def _join(kept: list[tuple[int, tuple[Cell, ...]]], first: int, last: int) -> bytes:
    lines: list[str] = []
    for number, row in kept:
        lines.extend([""] * (number - 1 - len(lines)))
        cells = [*map(_write, row[first:])]
        cells.extend([""] * (last + 1 - first - len(cells)))
        lines.append(DELIMITER.join(cells))
    return "\n".join([*lines, ""]).encode(errors="replace")


def _write(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            text = str(cell).upper()
        case int() | float():
            return repr(cell)
        case datetime():
            text = (cell.date() if cell.time() == time() else cell).isoformat()
        case date() | time():
            text = cell.isoformat()
        case _:
            text = str(cell)
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
