"""Large text of plain numbers, read by Arrow; whatever is not plain is left to the block reader.

Import this module where such input arrives: it takes 40 MB.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import Array, RawTable, ReadOptions
from meshlens.pca.tables.delimited import arrow_csv
from meshlens.pca.tables.delimited.decisions import decide, is_plain
from meshlens.pca.tables.delimited.dialect import EMPTY, Source, find_line, number_lines
from meshlens.pca.tables.delimited.head import Head
from meshlens.pca.tables.delimited.layout import Columns, Layout
from meshlens.pca.tables.delimited.rows import (
    check_comments,
    check_footer,
    describe,
    find_first,
    survey_first,
)
from meshlens.pca.tables.numerals import Kind, Survey, find_kind
from meshlens.pca.tables.reading import Reading

_BLANKS = re.compile(rb"[ \t]+")
# Blanks beside blanks and at the ends of lines, which divide no cells.
_BLANKS_BESIDE = re.compile(rb"\t|  |\A | \Z| [\r\n]|[\r\n] ")
_BLANKS_AT_ENDS = re.compile(rb" ?([\r\n]) ?")


def read_rows(
    source: Source, head: Head, layout: Layout, options: ReadOptions, reading: Reading
) -> RawTable | None:
    """Read every row as the block reader does; None if Arrow might read it in another way."""
    surveys = survey_first(head, layout)
    dialect = source.dialect
    try:
        columns = decide(layout, surveys, surveys, dialect.delimiter, options, find_first(head))
    except InvalidTable:
        return None  # The rows below may decide what the first leave in doubt.
    if not is_plain(columns, surveys, source.body) or Kind.EMPTY in columns.kinds:
        return None
    first = head.rows[0][0]
    plain = read_plain(source, columns, options, first=first, start=find_line(source.body, first))
    if plain is None:
        return None
    # Those below the first row are names to Arrow, and read again.
    check_comments(source, head, columns)
    check_footer(plain.texts, plain.rows[-1])
    described = describe(reading, _above(source, first, plain.blank), head, columns)
    return columns.arrange(plain.values, plain.texts, plain.rows, described)


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Rows of plain numbers and of names.

    Attributes:
        values: of the columns of numbers, nan where one is missing.
        texts: the columns of names.
        rows: their numbers in the input.
        blank: numbers of the blank lines among them.
    """

    values: Array
    texts: Sequence[Sequence[str]]
    rows: Sequence[int]
    blank: list[int]


def read_plain(
    source: Source, columns: Columns, options: ReadOptions, *, first: int, start: int = 0
) -> Plain | None:
    """Read rows whose columns are decided; None if Arrow might read them in another way.

    Args:
        source: the text.
        columns: all numbers are written as programs write them, in one notation.
        options: of the caller.
        first: the number of the first row.
        start: where it begins.
    """
    if any(row > first for row in source.left_out):
        return None
    body, dialect = source.body, source.dialect
    numbered = number_lines(body, start, first)
    if numbered is None:
        return None
    rows, blank = numbered
    if dialect.delimiter == " ":
        single = _divide_by_single_blanks(body[start:])
        if single is None:
            return None
        body, start = single, 0
    read = arrow_csv.read_rows(
        body,
        width=len(columns.kinds),
        texts=columns.indices(Kind.NAMES),
        delimiter=dialect.delimiter,
        decimal=next(iter(columns.notations.values())).mark,
        missing=[*MISSING, *options.text.missing],
        start=start,
        quote=dialect.quote,
        rows=len(rows),
    )
    if read is None or len(read[0]) != len(rows) or _is_odd(*read, columns, source):
        return None
    return Plain(*read, rows, blank)


def _above(source: Source, first: int, blank: list[int]) -> Source:
    """Return the source with what was passed over above the first row, and blank lines below."""
    skipped = {why: [row for row in rows if row < first] for why, rows in source.skipped.items()}
    skipped[EMPTY] = [*skipped.get(EMPTY, []), *blank]
    return Source(source.body, source.dialect, source.left_out, skipped)


def _is_odd(
    values: Array, texts: Sequence[Sequence[str]], columns: Columns, source: Source
) -> bool:
    """Return whether a row or column is empty, a name a comment, or names are no names."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    if not np.isfinite(total):
        absent = np.isnan(values)
        if absent.all(axis=0).any() or absent.all(axis=1).any():
            return True
    for index, cells in zip(columns.indices(Kind.NAMES), texts, strict=True):
        known = {*cells}
        if index == 0 and any(name.startswith(source.dialect.comments) for name in known):
            return True
        survey = Survey()
        survey.add([*known])
        if index not in columns.layout.declared and find_kind(survey.summarize()) is not Kind.NAMES:
            return True
    return False


def _divide_by_single_blanks(body: bytes) -> bytes | None:
    """Return the body with one blank between cells; None if blanks may be part of names."""
    if b'"' in body or b"'" in body:
        # To Arrow an empty cell would stand between two blanks.
        return None if _BLANKS_BESIDE.search(body) else body
    return _BLANKS_AT_ENDS.sub(rb"\1", _BLANKS.sub(b" ", body)).strip(b" ")
