"""Ranges of lines of a large text, each read as its beginning has decided for all of them."""

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as shorten

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import is_missing
from meshlens.pca.tables.columns import RawTable, ReadOptions, empty_body
from meshlens.pca.tables.delimited.decisions import is_plain
from meshlens.pca.tables.delimited.dialect import BLANK, END_OF_FILE, Dialect, Source, find_line
from meshlens.pca.tables.delimited.encoding import to_utf8
from meshlens.pca.tables.delimited.head import Head, read_head
from meshlens.pca.tables.delimited.layout import Columns, find_layout
from meshlens.pca.tables.delimited.line import LARGE
from meshlens.pca.tables.delimited.rows import (
    check_footer,
    decide_rows,
    read_blocks,
    read_decided,
    survey_first,
)
from meshlens.pca.tables.delimited.sniffing import open_source
from meshlens.pca.tables.delimited.text import replace_missing
from meshlens.pca.tables.numerals import Kind, Survey
from meshlens.pca.tables.reading import Reading

_CONTENT = re.compile(rb"[^ \r\n]")
# In these a byte below 128 is the character of ASCII, so that lines can be found in bytes.
_CUT = ("utf-8", "ascii", "cp1252", "iso8859-1", "iso8859-15")


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What the beginning of a text has decided for all of it.

    Attributes:
        dialect: of its lines.
        encoding: as Python names it.
        head: how it begins; of its rows, the first one.
        start: where that one begins, in bytes of the text, of which a byte order mark is no part.
        columns: what they hold.
        surveys: of the columns in the first rows.
        left_out: why lines are none of the table, by number.
        options: of the caller.
        clear: whether the decimal mark is known, so that no range has to confirm it.
        plain: whether numbers are written as programs write them.
        sample: the first observation.
    """

    dialect: Dialect
    encoding: str
    head: Head
    start: int
    columns: Columns
    surveys: Sequence[Survey]
    left_out: Mapping[int, str]
    options: ReadOptions
    clear: bool
    plain: bool
    sample: RawTable


def decide_text(start: bytes, options: ReadOptions) -> Decisions:
    """Return what the beginning of a text decides.

    Args:
        start: whole lines, the first ones of the text.
        options: of the caller; columns that must hold numbers are in `variables`.

    Raises:
        InvalidOption: the charset is none.
        InvalidTable: it is no text of rows, or has more than one reading.
    """
    body, encoding, notes = to_utf8(start, options.text.charset)
    if encoding not in _CUT:
        raise InvalidTable(
            f"text that is read in parts must be in one of {', '.join(_CUT)}",
            got=encoding,
            remedy="write it again as UTF-8",
        )
    if not _CONTENT.search(body):
        raise empty_body()
    try:
        source = open_source(body, options.text)
        head = read_head(source, options.header)
        layout = find_layout(head, options)
        first = survey_first(head, layout)
        columns, surveys, rows = decide_rows(source, head, layout, options, first)
        head.rows = head.rows[:1]
        end = find_line(body, rows[1]) if len(rows) > 1 else len(body)
        only = replace(source, body=body[:end])
        reading = Reading(encoding=encoding, notes=notes)
        sample = read_decided(only, head, columns, rows[:1], reading)
    except csv.Error as error:
        raise _unreadable(error) from None
    marks = {notation.mark for notation in columns.notations.values()}
    found = [surveys[index].summarize() for index in columns.notations]
    return Decisions(
        dialect=source.dialect,
        encoding=encoding,
        head=head,
        start=len(body[: find_line(body, rows[0])].decode().encode(encoding)),
        columns=columns,
        surveys=first,
        left_out=source.left_out,
        options=options,
        clear=bool(options.text.decimal) or any(one.clear[mark] for one in found for mark in marks),
        plain=Kind.EMPTY not in columns.kinds and is_plain(columns, surveys, b""),
        sample=sample,
    )


def read_range(
    decisions: Decisions, body: bytes, first: int, *, last: bool = False
) -> RawTable | None:
    """Return the observations in a range of lines, None if there are none.

    Args:
        decisions: of the beginning of the text.
        body: the lines, as they are in the file.
        first: the number of the first of them.
        last: whether they are the last ones of the text.

    Raises:
        InvalidTable: a cell contradicts the decisions, or rows differ in length.
    """
    if first == 1:
        body = body.removeprefix(codecs.BOM_UTF8)
    body = _to_utf8(body, decisions.encoding, first)
    if last:
        body = body.rstrip((BLANK + END_OF_FILE).encode())
    if not _CONTENT.search(body):
        return None
    end = first + body.count(b"\n") + body.count(b"\r") + 1
    left_out = {row: why for row, why in decisions.left_out.items() if first <= row < end}
    source = Source(body, decisions.dialect, left_out, first=first)
    start = decisions.head.rows[0][0] if first == 1 else first
    try:
        raw = _read_plain(decisions, source, start) or _read_blocks(decisions, source, start)
    except csv.Error as error:
        raise _unreadable(error) from None
    if raw is None:
        return None
    if last:
        row = raw.number(len(raw.values) - 1)
        check_footer([text.cells for text in raw.texts], row, above=first > 1)
    return replace_missing(raw, decisions.options)


def _to_utf8(body: bytes, encoding: str, first: int) -> bytes:
    try:
        if encoding != "utf-8":
            return body.decode(encoding).encode()
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError as error:
        place = Place(row=first + body.count(b"\n", 0, error.start))
        raise InvalidTable(
            f"text must be {encoding} as in its beginning",
            got=f"byte 0x{body[error.start]:02x} at {place}",
            remedy="encode all of it as UTF-8",
            places=[place],
        ) from None
    return body


def _read_plain(decisions: Decisions, source: Source, start: int) -> RawTable | None:
    """Read the rows by Arrow; None if it might read them in another way."""
    doubtful = not decisions.clear and b"." in source.body
    if not decisions.plain or doubtful or len(source.body) <= LARGE:
        return None
    from meshlens.pca.tables.delimited import large  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

    offset = find_line(source.body, start - source.first + 1)
    columns = decisions.columns
    plain = large.read_plain(source, columns, decisions.options, first=start, start=offset)
    if plain is None:
        return None
    return columns.arrange(plain.values, plain.texts, plain.rows, Reading())


def _read_blocks(decisions: Decisions, source: Source, start: int) -> RawTable | None:
    """Read the rows block by block; None if there are none."""
    columns = decisions.columns
    head = replace(decisions.head, rows=[(start, [])])
    if decisions.clear:
        rows: Sequence[int] = [row for block in read_blocks(source, head) for row in block.rows]
    else:
        # They may use another decimal mark, or leave it in doubt as the beginning does.
        options, layout = decisions.options, columns.layout
        _, _, rows = decide_rows(source, head, layout, options, decisions.surveys)
    if not rows:
        return None
    _check_empty(decisions, source, head)
    return read_decided(source, head, columns, rows, Reading())


def _check_empty(decisions: Decisions, source: Source, head: Head) -> None:
    """Refuse what stands in a column that was empty at the beginning."""
    columns = decisions.columns
    empty = {*columns.indices(Kind.EMPTY)} - {*columns.layout.declared}
    if not empty:
        return
    marks = decisions.options.text.missing
    for block in read_blocks(source, head):
        for index in sorted(empty):
            for row, cell in zip(block.rows, block.columns[index], strict=True):
                if is_missing(cell) or cell.strip() in marks:
                    continue
                place = columns.layout.place(row, index)
                raise InvalidTable(
                    "a column that is empty at the beginning of the text must stay so",
                    got=f"{shorten(cell.strip())} at {place}",
                    remedy="say use= with that column if it holds numbers, else drop=",
                    places=[place],
                )


def _unreadable(error: csv.Error) -> InvalidTable:
    return InvalidTable(
        "quotes must be closed and fields short", got=str(error), remedy="correct that row"
    )
