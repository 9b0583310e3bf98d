"""JSON -> columns, whatever the shape of the document: one value, or one on each line."""

import json
from reprlib import repr as shorten
from typing import Any

from pydantic_core import from_json

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import RawTable, ReadOptions
from meshlens.pca.tables.documents.columns import SHAPES, not_a_table
from meshlens.pca.tables.documents.records import decode_columns, decode_nested, decode_records
from meshlens.pca.tables.documents.rows import decode_large_rows, decode_rows, decode_split
from meshlens.pca.tables.documents.tensor import decode_tensor
from meshlens.pca.tables.reading import Reading

_RECORDS = Reading(format="JSON records")


def decode_json(body: bytes, options: ReadOptions) -> RawTable:
    """Read a JSON table, or JSON lines; null is a missing number.

    Raises:
        InvalidTable: it is not JSON, has none of these shapes, or a cell is not a number.
    """
    text = to_utf8(body)
    read = decode_large_rows(text)
    if read:
        return read
    try:
        document = from_json(text)
    except ValueError as error:
        if _is_lines(text):
            return decode_json_lines(text, options)
        raise InvalidTable(
            "the body must be JSON",
            got=str(error),
            remedy=f"{SHAPES}, or say another content type",
        ) from None
    return _decode_document(document, options)


def decode_json_lines(body: bytes, options: ReadOptions) -> RawTable:
    """Read one record, or one row, on each line that is not blank.

    Raises:
        InvalidTable: a line is not JSON, records and rows are mixed, or as of a document.
    """
    values = []
    for number, line in enumerate(to_utf8(body).split(b"\n"), 1):
        if line.isspace() or not line:
            continue
        try:
            values.append(from_json(line))
        except ValueError as error:
            raise InvalidTable(
                "every line must be JSON",
                got=f"{str(error).replace(' at line 1', '')} in line {number}",
                remedy="write one record on each line, or one document and say application/json",
                places=[Place(row=number)],
            ) from None
    if len(values) == 1 and not _is_record(values[0]):
        return _decode_document(values[0], options)
    if values and isinstance(values[0], list):
        return decode_rows(values, options, Reading(format="JSON lines, rows"))
    return decode_records(values, options, Reading(format="JSON lines"))


def to_utf8(body: bytes) -> bytes:
    """Return JSON in UTF-8 without a byte order mark; other encodings show in its first bytes.

    Raises:
        InvalidTable: it is not in the encoding that its first bytes show.
    """
    encoding = json.detect_encoding(body)
    if encoding == "utf-8":
        return body
    if encoding == "utf-8-sig":
        return body[3:]
    try:
        return body.decode(encoding).encode()
    except UnicodeError as error:
        raise InvalidTable(
            f"JSON that begins as {encoding.upper()} must be written in it",
            got=f"{str(error)[:80]}",
            remedy="encode it as UTF-8",
        ) from None


def _decode_document(document: object, options: ReadOptions) -> RawTable:
    match document:
        case [dict(), *_]:
            return decode_records(document, options, _RECORDS)
        case list():
            return decode_rows(document, options)
        case dict() if document:
            return _decode_object(document, options)
        case _:
            raise not_a_table(document)


def _decode_object(document: dict[str, Any], options: ReadOptions) -> RawTable:
    match document:
        case {"inputs": [tensor]}:
            return decode_tensor(tensor)
        case {"inputs": inputs}:
            count = f"{len(inputs)} of them" if isinstance(inputs, list) else shorten(inputs)
            raise InvalidTable(
                "an Open Inference request must have one input",
                got=count,
                remedy="send one tensor of shape [n, p]",
            )
        case {"shape": _, "data": _}:
            return decode_tensor(document)
        case {"schema": {"fields": list()} as schema, "data": list(records)}:
            return _decode_table(schema, records, options)
        case {"columns": list(names), "data": list(rows)}:
            return decode_split(names, rows, document.get("index"), options)
    if all(isinstance(part, dict) for part in document.values()):
        return decode_nested(document, options)
    return decode_columns(document, options, Reading(format="JSON columns"))


def _decode_table(schema: dict[str, Any], records: list[Any], options: ReadOptions) -> RawTable:
    """Read pandas' orient=table: records, and a schema that says which keys name them."""
    keys = schema.get("primaryKey", [])
    keys = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    return decode_records(records, options, Reading(format="pandas table"), keys)


def _is_lines(body: bytes) -> bool:
    """Return whether the first line is a document of its own, and not the last."""
    first, _, rest = body.lstrip().partition(b"\n")
    if not rest or rest.isspace():
        return False
    try:
        return isinstance(from_json(first), dict | list)
    except ValueError:
        return False


def _is_record(value: object) -> bool:
    return isinstance(value, dict) and not any(
        isinstance(part, dict | list) for part in value.values()
    )
