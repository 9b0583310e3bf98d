"""Which codec reads a body: what its first bytes say, else its content type."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from reprlib import repr as shorten

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.arrow_bounds import FILE_MAGIC, STREAM_MAGIC
from meshlens.pca.tables.binary.npy import MAGIC as NPY_MAGIC
from meshlens.pca.tables.binary.npy import decode_npy
from meshlens.pca.tables.binary.parquet_bounds import MAGIC as PARQUET_MAGIC
from meshlens.pca.tables.columns import RawTable, ReadOptions
from meshlens.pca.tables.containers import archive
from meshlens.pca.tables.containers.compression import decompress, find_compression
from meshlens.pca.tables.containers.signatures import refuse_foreign
from meshlens.pca.tables.delimited.text import decode_form, decode_text
from meshlens.pca.tables.documents.document import decode_json, decode_json_lines

_OPAQUE = "application/octet-stream"
_WORKBOOK = "xl/workbook.xml"
# The start of JSON that is no start of delimited text, and, where nothing says that the body is
# text, one that hardly is.
_SURELY_JSON = re.compile(r"\s*(?:\[\s*[\[{]|\{\s*\")")
_MAYBE_JSON = re.compile(r"\s*(?:\[\s*(?:[\[{\]\"]|-?\d|null|NaN)|\{\s*[\"}])")
_START = 256  # bytes


# By the end of a file's name; other formats show in the first bytes, whatever the file is called.
ENDINGS: Mapping[str, str] = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "ndjson": "application/x-ndjson",
    "tab": "text/tab-separated-values",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
}


def find_content_type(file_name: str) -> str:
    """Return how a file of this name is written, application/octet-stream if that is unknown."""
    return ENDINGS.get(file_name.rpartition(".")[2].lower(), _OPAQUE)


def decode_body(body: bytes, content_type: str, options: ReadOptions) -> RawTable:
    """Read a body that is not empty.

    First bytes that no text begins with decide, whatever the content type is.

    Raises:
        InvalidTable: neither bytes nor content type are of a known format, or the body is not of
            its format.
    """
    refuse_foreign(body)
    compression = find_compression(body)
    if compression:
        content = decompress(body, compression)
        return _decode_content(content, content_type, options, compression.name)
    if body.startswith(archive.MAGIC):
        if archive.holds(body, _WORKBOOK):
            return _decode_workbook(body, options)
        member = archive.read_member(body)
        return _decode_content(member.content, content_type, options, f"zip, {member.name}")
    decode = _find_by_magic(body) or _TYPES.get(content_type)
    if decode is None:
        raise InvalidTable(
            f"content type must be one of {', '.join(CONTENT_TYPES)}",
            got=shorten(content_type),
            remedy="say how the body is written, or leave the content type out for text",
        )
    return decode(body, options)


def _find_by_magic(body: bytes) -> Callable[[bytes, ReadOptions], RawTable] | None:
    if body.startswith(NPY_MAGIC):
        return decode_npy
    if body.startswith((FILE_MAGIC, STREAM_MAGIC)):
        return _decode_arrow
    if body.startswith(PARQUET_MAGIC) and body.endswith(PARQUET_MAGIC):
        return _decode_parquet
    return None


def _decode_content(
    body: bytes, content_type: str, options: ReadOptions, container: str
) -> RawTable:
    """Read what was in a container; a container within it is refused."""
    if not body:
        raise InvalidTable(
            "a compressed file must hold a table", got=f"nothing ({container})", remedy="send one"
        )
    if find_compression(body) or body.startswith(archive.MAGIC):
        raise InvalidTable(
            "a table may be compressed once",
            got=f"a compressed file within another ({container})",
            remedy="unpack it, and send the file within",
        )
    raw = decode_body(body, _OPAQUE if content_type in _CONTAINERS else content_type, options)
    reading = replace(raw.reading, format=f"{raw.reading.format or 'table'} ({container})")
    return replace(raw, reading=reading)


def _decode_text(body: bytes, options: ReadOptions) -> RawTable:
    return (decode_json if _begins(_SURELY_JSON, body) else decode_text)(body, options)


def _decode_form(body: bytes, options: ReadOptions) -> RawTable:
    return (decode_json if _begins(_SURELY_JSON, body) else decode_form)(body, options)


def _decode_anything(body: bytes, options: ReadOptions) -> RawTable:
    return (decode_json if _begins(_MAYBE_JSON, body) else decode_text)(body, options)


def _begins(start: re.Pattern[str], body: bytes) -> bool:
    head = body[:_START]
    return bool(start.match(head.decode(json.detect_encoding(head), errors="replace")))


def _decode_arrow(body: bytes, options: ReadOptions) -> RawTable:
    from meshlens.pca.tables.binary import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other input does without

    return arrow_ipc.decode_arrow(body, options)


def _decode_parquet(body: bytes, options: ReadOptions) -> RawTable:
    from meshlens.pca.tables.binary import parquet  # noqa: PLC0415 - as above

    return parquet.decode_parquet(body, options)


def _decode_workbook(body: bytes, options: ReadOptions) -> RawTable:
    try:
        from meshlens.pca.tables.containers import workbook  # noqa: PLC0415 - what it imports is an extra
    except ModuleNotFoundError as error:
        raise InvalidTable(
            "a service that reads Excel workbooks must have the extra xlsx",
            got=f"an Excel workbook, without {error.name}",
            remedy="save the sheet as CSV, or install meshlens-pca[xlsx]",
        ) from None
    return workbook.decode_workbook(body, options)


# By content type, where the first bytes do not decide.
_BY_CONTENT_TYPE: Mapping[str, Callable[[bytes, ReadOptions], RawTable]] = {
    "": _decode_text,
    "text/plain": _decode_text,
    "text/csv": _decode_text,
    "text/tab-separated-values": _decode_text,
    "application/csv": _decode_text,
    "application/x-www-form-urlencoded": _decode_form,
    "application/json": decode_json,
    "text/json": decode_json,
    "application/x-ndjson": decode_json_lines,
    "application/ndjson": decode_json_lines,
    "application/jsonl": decode_json_lines,
    "application/x-jsonlines": decode_json_lines,
    "application/x-npy": decode_npy,
    "application/vnd.apache.arrow.stream": _decode_arrow,
    "application/vnd.apache.arrow.file": _decode_arrow,
    "application/vnd.apache.parquet": _decode_parquet,
    _OPAQUE: _decode_anything,
}
# What is within is another type's. Browsers on Windows send the last for CSV, too.
_CONTAINERS = (
    "application/gzip",
    "application/x-gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zip",
    "application/x-zip-compressed",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
)
_TYPES: Mapping[str, Callable[[bytes, ReadOptions], RawTable]] = {
    **_BY_CONTENT_TYPE,
    **dict.fromkeys(_CONTAINERS, _decode_anything),
}
# All that a request may name; the first bytes decide before them.
CONTENT_TYPES = tuple(filter(None, _TYPES))
