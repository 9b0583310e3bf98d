"""Delimited text -> columns: any usual delimiter and notation, with or without a header.

Small bodies are read by the standard library, large ones by Arrow, which reads nothing that the
former would refuse; what Arrow refuses is read again, block by block, to name the place of the
fault.
"""

import csv
import re
from dataclasses import replace
from urllib.parse import unquote_to_bytes

import numpy as np

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import RawTable, ReadOptions, empty_body
from meshlens.pca.tables.delimited.dialect import BLANK, strip_end
from meshlens.pca.tables.delimited.encoding import to_utf8
from meshlens.pca.tables.delimited.head import read_head
from meshlens.pca.tables.delimited.layout import find_layout
from meshlens.pca.tables.delimited.line import LARGE, read_line
from meshlens.pca.tables.delimited.rows import read_rows
from meshlens.pca.tables.delimited.sniffing import open_source
from meshlens.pca.tables.reading import Reading

_CONTENT = re.compile(rb"[^ \r\n]")


def decode_form(body: bytes, options: ReadOptions) -> RawTable:
    """Read text sent by a form, or labelled as a form but not escaped by `curl -d`.

    A plus sign is a space only if anything is escaped; otherwise it belongs to a number.
    """
    if re.search(rb"%[0-9A-Fa-f]{2}", body) and not re.search(rb"[\t\n\r ]", body):
        body = unquote_to_bytes(body.replace(b"+", b" "))
    return _decode(body, options, form=True)


def decode_text(body: bytes, options: ReadOptions) -> RawTable:
    """Read `x1,y1,x2,y2,...` on one line, or one observation a line.

    Raises:
        InvalidOption: the charset is none.
        InvalidTable: some cell is neither a number nor missing, rows differ in length, or the text
            has more than one reading.
    """
    return _decode(body, options, form=False)


def _decode(body: bytes, options: ReadOptions, *, form: bool) -> RawTable:
    body, encoding, notes = to_utf8(body, options.text.charset)
    reading = Reading(encoding=encoding, notes=notes)
    ended = body[-1:] in (b"\n", b"\r")
    body = strip_end(body)
    if not body or body.isspace():
        raise empty_body()
    blank = BLANK.encode()
    start = len(body) - len(body.lstrip(blank))
    ends = [place for place in (body.find(b"\n", start), body.find(b"\r", start)) if place >= 0]
    if not ends or not _CONTENT.search(body, min(ends)):
        return replace_missing(
            read_line(body.strip(blank), options, reading, form=form and not ended), options
        )
    try:
        return replace_missing(_decode_rows(body, options, reading), options)
    except csv.Error as error:
        raise InvalidTable(
            "quotes must be closed and fields short", got=str(error), remedy="correct that row"
        ) from None


def _decode_rows(body: bytes, options: ReadOptions, reading: Reading) -> RawTable:
    """Read one observation a line, after the line of names if there is one."""
    source = open_source(body, options.text)
    head = read_head(source, options.header)
    layout = find_layout(head, options)
    read = None
    if len(body) > LARGE:
        from meshlens.pca.tables.delimited import large  # noqa: PLC0415 - Arrow takes 40 MB, which small bodies do without

        read = large.read_rows(source, head, layout, options, reading)
    return read or read_rows(source, head, layout, options, reading)


def replace_missing(raw: RawTable, options: ReadOptions) -> RawTable:
    """Return the table without the numbers that the caller takes for missing ones."""
    numbers = []
    for cell in options.text.missing:
        try:
            numbers.append(float(cell))
        except ValueError:
            continue
    if not numbers:
        return raw
    values = raw.values.copy()
    values[np.isin(values, numbers)] = np.nan
    return replace(raw, values=values)
