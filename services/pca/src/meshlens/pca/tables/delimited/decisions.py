"""What each column of delimited text holds and how its numbers are written: decided on surveys."""

from collections.abc import Callable, Sequence
from reprlib import repr as shorten

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import ReadOptions, quote
from meshlens.pca.tables.delimited.layout import Columns, Layout
from meshlens.pca.tables.notation import Notation
from meshlens.pca.tables.numerals import (
    Doubt,
    Kind,
    Summary,
    Survey,
    find_kind,
    find_mark,
    find_unit,
)

_POINT = (
    "numbers such as 1.234 were read with a decimal point; say decimal=comma if it separates"
    " thousands"
)

Find = Callable[[int, Callable[[str], bool]], tuple[int, str]]


def survey(layout: Layout, columns: Sequence[Sequence[str]]) -> list[Survey]:
    """Return a survey of each column of a few rows."""
    surveys = [Survey() for _ in layout.names]
    for found, cells in zip(surveys, columns, strict=True):
        found.add(cells)
    return surveys


def decide(
    layout: Layout,
    surveys: Sequence[Survey],
    first: Sequence[Survey],
    delimiter: str,
    options: ReadOptions,
    find: Find,
) -> Columns:
    """Return what the columns hold.

    Args:
        layout: of the table.
        surveys: of all cells.
        first: of the cells of the first rows: where they hold names, a number is a fault.
        delimiter: between cells.
        options: of the caller.
        find: returns the row and the content of the first cell of a column that concerns a doubt.

    Raises:
        InvalidTable: a column has more than one reading.
    """
    summaries = [one.summarize(options.text.missing) for one in surveys]
    kinds = []
    for index, summary in enumerate(summaries):
        head = first[index].summarize(options.text.missing)
        named_first = bool(head.names) and not head.numbers.total()
        kind = find_kind(summary, named_first=named_first)
        if index in layout.declared and kind is not Kind.EMPTY:
            kind = Kind.NAMES
        if isinstance(kind, Doubt):
            raise _in_doubt(kind, index, layout, find)
        kinds.append(kind)
    for index in _find_awaited(kinds, layout, options):
        kinds[index] = Kind.NUMBERS
    numeric = [index for index, kind in enumerate(kinds) if kind is Kind.NUMBERS]
    found = [summaries[index] for index in numeric]
    mark = options.text.decimal
    notes = []
    if not mark:
        mark, at, doubt = find_mark(found, delimiter)
        if at is not None and doubt is not None:
            raise _in_doubt(doubt, numeric[at], layout, find)
        if not sum(summary.clear[mark] for summary in found) and any(s.vague["."] for s in found):
            notes.append(_POINT)
    notations = {
        index: Notation(mark, find_unit(summaries[index]), options.text.missing)
        for index in numeric
    }
    notes += _describe(layout, dict(zip(numeric, found, strict=True)), mark)
    return Columns(layout, tuple(kinds), notations, tuple(notes))


def _find_awaited(kinds: Sequence[Kind], layout: Layout, options: ReadOptions) -> list[int]:
    """Return the empty columns that must be there: their numbers are missing.

    They have the names of variables of the fit, or with them there are as many columns as needed.
    """
    empty = [
        index
        for index, kind in enumerate(kinds)
        if kind is Kind.EMPTY and index not in layout.declared
    ]
    if layout.named and (known := [at for at in empty if layout.names[at] in options.variables]):
        return known
    return empty if kinds.count(Kind.NUMBERS) + len(empty) == options.columns else []


def is_plain(columns: Columns, surveys: Sequence[Survey], body: bytes) -> bool:
    """Return whether first rows leave nothing to be decided by the rows below them.

    Then all numbers are written as programs write them, and their decimal mark is known.
    """
    found = [surveys[index].summarize() for index in columns.indices(Kind.NUMBERS)]
    if any(s.odd or s.names or s.dressed or len(s.numbers) > 1 for s in found):
        return False
    if not found or any(notation.unit for notation in columns.notations.values()):
        return False
    mark = next(iter(columns.notations.values())).mark
    if any(s.grouped[mark] for s in found):
        return False
    clear = sum(s.clear[mark] for s in found)
    return clear > 0 or (mark == "." and b"." not in body)


def _in_doubt(doubt: Doubt, index: int, layout: Layout, find: Find) -> InvalidTable:
    row, cell = find(index, doubt.concerns)
    place = layout.place(row, index)
    return InvalidTable(
        doubt.expected,
        got=f"{shorten(cell.strip())} at {place}",
        remedy=f"{doubt.remedy}; if the column holds no numbers, leave it out by drop=<name>",
        places=[place],
    )


def _describe(layout: Layout, summaries: dict[int, Summary], mark: str) -> list[str]:
    """Return notes on numbers that are not written as programs write them."""
    notes = []
    units: dict[str, list[str]] = {}
    for index, summary in summaries.items():
        if unit := find_unit(summary):
            units.setdefault(unit, []).append(layout.names[index])
    for unit, names in units.items():
        notes.append(f"the numbers of {quote(names)} were read without {unit!r}")
    if grouped := [layout.names[at] for at, one in summaries.items() if one.grouped[mark]]:
        notes.append(f"separators of thousands were left out of {quote(grouped)}")
    if bracketed := [layout.names[at] for at, one in summaries.items() if one.bracketed]:
        notes.append(f"numbers in parentheses were read as negative in {quote(bracketed)}")
    signs = [
        layout.names[at]
        for at, one in summaries.items()
        if one.dressed > one.bracketed and not find_unit(one) and not one.grouped[mark]
    ]
    if signs:
        notes.append(f"signs or exponents of {quote(signs)} were read as the usual ones")
    return notes
