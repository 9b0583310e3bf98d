"""Where a table begins in a text, and which names its columns have: found in its first rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import dissect, is_missing, is_plain
from meshlens.pca.tables.columns import MOST_COLUMNS, quote, too_wide
from meshlens.pca.tables.delimited.dialect import TITLE, UNITS, Source
from meshlens.pca.tables.delimited.header import FirstRow, Verdict
from meshlens.pca.tables.units import is_unit

Record = tuple[int, list[str]]

_ROWS = 100  # that decide which columns hold numbers


@dataclass(slots=True)
class Head:
    """The beginning of a table.

    Attributes:
        width: cells of a row.
        names: of the columns, empty if there are none; one fewer if the first names the rows.
        header_row: the number of the row of names.
        rows: the first observations.
        skipped: why rows above the first observation are none, by number.
        notes: on what was decided.
    """

    width: int
    names: tuple[str, ...] = ()
    header_row: int | None = None
    rows: list[Record] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_head(source: Source, header: bool | None) -> Head:  # noqa: FBT001 - the option of that name
    """Return the beginning of a table.

    Args:
        source: the text.
        header: whether its first row holds names; None to detect it.

    Raises:
        InvalidTable: there are no observations, the header names more or fewer columns than the
            rows have, or it is unclear whether it is one.
        csv.Error: a quote is not closed, or a field is too long.
    """
    records = list(islice(source.records(), _ROWS + 1))
    if not records:
        raise _no_rows("comments or rows that are left out only")
    widest = max(len(record) for _, record in records)
    if widest > 2 * MOST_COLUMNS:
        raise too_wide(widest)
    head = Head(_find_width(records))
    _skip_titles(head, records, header)
    _take_names(head, records, source, header)
    if not records:
        raise _no_rows("a header only")
    _skip_units(head, records)
    head.rows = records
    return head


def _find_width(records: Sequence[Record]) -> int:
    """Return the number of cells most rows have; the first row's if others are as frequent."""
    counts = Counter(len(record) for _, record in records)
    most = max(counts.values())
    return next(len(record) for _, record in records if counts[len(record)] == most)


def _skip_titles(head: Head, records: list[Record], header: bool | None) -> None:  # noqa: FBT001 - the option of that name
    """Remove the rows above the first that is as wide as the table: they hold a title.

    A title has fewer cells than the table has columns, and what follows is the row of names or of
    numbers; names of all columns but the first are what R writes.
    """
    while len(records) > 2 and head.width > 1:  # noqa: PLR2004 - a title, names and an observation
        number, record = records[0]
        cells = [cell for cell in record if cell.strip()]
        below = records[1][1]
        if len(cells) >= head.width or any(map(_is_number, cells)):
            return
        named = not any(map(_is_number, below)) or header
        padded = len(record) == head.width and len(cells) == 1 and not record[1].strip()
        short = len(record) == head.width - 1
        if padded and not (named and all(cell.strip() for cell in below[1:])):
            return
        if short and not (len(below) == head.width and (named or _is_data(head, records))):
            return
        if not padded and not short and len(record) == head.width:
            return
        head.skipped[number] = TITLE
        del records[0]


def _is_data(head: Head, records: Sequence[Record]) -> bool:
    """Return whether the first of several columns holds numbers, not the numbers of the rows.

    Raises:
        InvalidTable: they are in order, but do not count the rows.
    """
    rows = [row for _, row in records[1:] if len(row) == head.width]
    if all(not row[-1].strip() for row in rows):
        return False  # They end with a delimiter.
    first = [row[0].strip() for row in rows]
    if not all(_is_number(cell) or is_missing(cell) for cell in first):
        return False
    _check_decimal_commas(records[0], rows, head)
    whole = [int(cell) for cell in first if cell.isascii() and cell.isdecimal()]
    if len(whole) < len(first) or any(after <= before for before, after in pairwise(whole)):
        return True
    if whole[0] > 1 or whole[-1] - whole[0] >= len(whole):
        raise _unclear_row_names(records[0], head.width)
    return False


def _unclear_row_names(first: Record, width: int) -> InvalidTable:
    number, record = first
    return InvalidTable(
        "it must be clear whether the first column holds the numbers of rows or a variable",
        got=f"{quote(record[:4])} at row {number} above rows of {width} cells",
        remedy=f"name each column, or leave a title out by skip={number}",
        places=[Place(row=number)],
    )


def _check_decimal_commas(first: Record, rows: Sequence[Sequence[str]], head: Head) -> None:
    """Refuse one name above rows such as 4,999: one number, or two."""
    number, record = first
    pairs = [row for row in rows if len(row) == head.width == 2]  # noqa: PLR2004 - parts of a number
    if pairs and all(dissect(",".join(row)) is not None for row in pairs):
        raise InvalidTable(
            "it must be clear whether a comma divides columns or is part of a number",
            got=f"{quote(record)} at row {number} above {quote([','.join(pairs[0])])}",
            remedy="say delimiter=semicolon if each row is one number, or name both columns",
            places=[Place(row=number)],
        )


def _take_names(
    head: Head,
    records: list[Record],
    source: Source,
    header: bool | None,  # noqa: FBT001 - the option of that name
) -> None:
    """Remove the row of names, if there is one."""
    number, record = records[0]
    verdict, note = (Verdict.NAMES if header else Verdict.DATA), ""
    if header is None:
        verdict, note = _judge(head, records, source)
    if verdict is Verdict.UNCLEAR:
        raise InvalidTable(
            "it must be clear whether the first row holds names or an observation",
            got=f"{quote(record[:4])} at row {number}",
            remedy="say header=true if it names the columns, or header=false if it does not",
            option="header",
            places=[Place(row=number)],
        )
    if note:
        head.notes.append(note.replace("row 1", f"row {number}"))
    if verdict is Verdict.NAMES:
        names = [cell.strip() for cell in record]
        del records[0]
        head.header_row = number
        if records:
            head.width = _find_width(records)
            names = _fit_names(head, names, records)
        head.names = tuple(names)
    elif head.width > 1:
        _take_commented_names(head, records[0][0], source)


def _judge(head: Head, records: Sequence[Record], source: Source) -> tuple[Verdict, str]:
    number, record = records[0]
    below = [row for _, row in records[1:] if len(row) == head.width]
    if len(record) == head.width - 1 and below and any(map(_is_number, record)):
        # Numbers that name all columns but that of names; else a row that is too short.
        names_rows = not any(_is_number(row[0]) or is_missing(row[0]) for row in below)
        return (Verdict.NAMES if names_rows and len(below) > 1 else Verdict.DATA), ""
    quoted = _is_quoted(source, (number, record), below)
    return FirstRow(record, below, quoted=quoted).judge()


def _is_quoted(source: Source, first: Record, below: Sequence[Sequence[str]]) -> bool:
    """Return whether quotes enclose all of the first row without need, but no number below it."""
    number, cells = first
    mark, delimiter = source.dialect.quote, source.dialect.delimiter
    if any(delimiter in cell or mark in cell for cell in cells):
        return False
    fresh = Source(source.body, source.dialect, source.left_out)
    lines = dict(islice(fresh.lines(), number + _ROWS))
    raw = lines.get(number, "").split(delimiter)
    if not all(cell.strip().startswith(mark) for cell in raw if cell.strip()):
        return False
    text = "\n".join(line for at, line in lines.items() if at > number)
    numbers = [cell.strip() for row in below for cell in row if _is_number(cell)]
    if mark not in text:
        return bool(numbers)
    return bool(numbers) and not any(f"{mark}{cell}{mark}" in text for cell in numbers)


def _fit_names(head: Head, names: list[str], records: Sequence[Record]) -> list[str]:
    """Return the names of all columns, without those of none at the end.

    Raises:
        InvalidTable: rows that end with a delimiter might also have names.
    """
    while len(names) > head.width and not names[-1]:
        del names[-1]
    rows = [row for _, row in records if len(row) == head.width]
    ends = all(not row[-1].strip() for row in rows)
    above = (head.header_row or 0, names)
    if len(names) == head.width - 1 and not ends and _is_data(head, [above, *records]):
        raise _unclear_row_names(above, head.width)
    if len(names) == head.width - 1 and ends:
        texts = {row[0].strip() for row in rows}
        if len(texts) == len(rows) > 1 and not any(map(_is_number, texts)):
            raise InvalidTable(
                "it must be clear whether the rows end with a delimiter or begin with a name",
                got=f"{len(names)} names above rows of {head.width} cells, the last one empty",
                remedy="name each column, or remove the delimiter at the end of the rows",
                places=[Place(row=head.header_row)],
            )
        names.append("")
    return names


def _take_commented_names(head: Head, first: int, source: Source) -> None:
    """Take the names from a comment right above the first row, as numpy.savetxt writes them."""
    line = source.comments.get(first - 1, "")
    for mark in source.dialect.comments:
        line = line.removeprefix(mark)
    names = [cell.strip() for cell in source.dialect.split(line.strip())] if line else []
    if len(names) == head.width and all(names) and not any(map(_is_number, names)):
        head.names, head.header_row = tuple(names), first - 1
        head.notes.append(f"the comment in row {first - 1} was read as the names of the columns")


def _skip_units(head: Head, records: list[Record]) -> None:
    """Remove a row of units below the names."""
    if not head.names or len(records) < 2 or len(records[0][1]) != head.width:  # noqa: PLR2004 - units, and an observation
        return
    number, record = records[0]
    cells = [cell.strip() for cell in record]
    units = [
        is_unit(cell) or cell in {"-", "1"} or cell[:1] in {"(", "["} for cell in cells if cell
    ]
    lettered = any(any(map(str.isalpha, cell)) for cell in cells)
    if units and all(units) and lettered and not any(map(_is_number, cells)):
        head.skipped[number] = UNITS
        head.notes.append(f"row {number} was read as the units of the columns and left out")
        del records[0]


def _is_number(cell: str) -> bool:
    return not is_missing(cell) and (is_plain(cell.strip()) or dissect(cell) is not None)


def _no_rows(got: str) -> InvalidTable:
    return InvalidTable(
        "observations must stand below the names",
        got=got,
        remedy="send one row of numbers for each observation, or say header=false",
    )
