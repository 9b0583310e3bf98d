"""JSON -> columns: rows, records, columns, a split table or an Open Inference tensor."""

from collections.abc import Mapping, Sequence
from itertools import chain
from reprlib import repr as shorten
from typing import Any

import numpy as np
from pydantic_core import from_json

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import Array, NameColumn, RawTable, ReadOptions, ragged
from meshlens.pca.tables.documents.columns import (
    NUMBER_TYPES,
    SHAPES,
    Cells,
    arrange,
    not_a_table,
    to_array,
)

_LARGE = 1 << 20  # bytes
_DATATYPES = frozenset(
    ["FP16", "FP32", "FP64", "BF16"]
    + [f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
)


def decode_json(body: bytes, options: ReadOptions) -> RawTable:
    """Read a JSON table; null is a missing number.

    Raises:
        InvalidTable: it is not JSON, has none of these shapes, or a cell is not a number.
    """
    read = _decode_large_rows(body) if len(body) > _LARGE else None
    return read or _decode_document(body, options)


def _decode_document(body: bytes, options: ReadOptions) -> RawTable:
    try:
        document = from_json(body)
    except ValueError as error:
        raise InvalidTable(
            "the body must be JSON",
            got=str(error),
            remedy=f"{SHAPES}, or say another content type",
        ) from None
    match document:
        case [dict(), *_]:
            return _decode_records(document, options.group)
        case list():
            return _decode_rows(document, (), options.group)
        case {"inputs": [tensor]}:
            return _decode_tensor(tensor)
        case {"inputs": inputs}:
            count = f"{len(inputs)} of them" if isinstance(inputs, list) else shorten(inputs)
            raise InvalidTable(
                "an Open Inference request must have one input",
                got=count,
                remedy="send one tensor of shape [n, p]",
            )
        case {"shape": _, "data": _}:
            return _decode_tensor(document)
        case {"columns": list(names), "data": list(rows)}:
            return _decode_split(names, rows, document.get("index"), options.group)
        case dict() if document:
            return _decode_columns(document, options.group)
        case _:
            raise not_a_table(document)


def _decode_large_rows(body: bytes) -> RawTable | None:
    """Return rows of numbers, parsed in parts, or None if the body must be parsed as a whole.

    Python's own numbers take nine times the memory of an array. If each part between two rows
    is the inside of an array, the whole is an array.
    """
    start, end = body.find(b"[") + 1, body.rfind(b"]")
    if body[: start - 1].strip() or body[end + 1 :].strip():
        return None
    parts: list[Array] = []
    while start < end:
        stop = body.find(b"],", start + _LARGE, end)
        stop = end if stop < 0 else stop + 1
        try:
            rows = from_json(b"[%b]" % body[start:stop])
        except ValueError:
            return None
        width = parts[0].shape[1] if parts else len(rows[0]) if rows and rows[0] else 0
        if not rows or not width or {*map(type, rows)} != {list} or {*map(len, rows)} != {width}:
            return None
        if {*map(type, chain.from_iterable(rows))} - NUMBER_TYPES - {type(None)}:
            return None
        parts.append(to_array(rows))
        start = stop + 1
    values = np.concatenate(parts)
    return RawTable(values, places=range(1, values.shape[1] + 1))


def _decode_rows(rows: Cells, names: tuple[str, ...], group: str) -> RawTable:
    """Read [[x1, y1], [x2, y2], ...]."""
    if {*map(type, rows)} - {list}:
        at = next(at for at, row in enumerate(rows) if not isinstance(row, list))
        raise not_a_table(rows[at], Place(row=at + 1))
    width = len(names) or (len(rows[0]) if rows else 0)
    if not rows or not width:
        raise InvalidTable(
            "JSON must hold at least one row of at least one number", got="none", remedy=SHAPES
        )
    if {*map(len, rows)} != {width}:
        at = next(at for at, row in enumerate(rows) if len(row) != width)
        raise ragged(width, len(rows[at]), at + 1)
    if not {*map(type, chain.from_iterable(rows))} - NUMBER_TYPES:
        return RawTable(to_array(rows), places=range(1, width + 1), names=names)
    return arrange([*zip(*rows, strict=True)], names, group)


def _decode_records(records: Sequence[Any], group: str) -> RawTable:
    """Read [{"x": x1, "y": y1}, ...]; keys in any order, absent ones are missing cells."""
    if {*map(type, records)} - {dict}:
        at = next(at for at, record in enumerate(records) if not isinstance(record, dict))
        raise not_a_table(records[at], Place(row=at + 1))
    names = dict.fromkeys(chain.from_iterable(records))
    # Records that each have ten thousand keys of their own would exhaust memory.
    cells = sum(map(len, records))
    if len(names) * len(records) > 2 * cells:
        raise InvalidTable(
            "records must have the same keys",
            got=f"{len(names)} different ones in {len(records)} records",
            remedy="write null where a number is missing",
        )
    columns = {name: [record.get(name) for record in records] for name in names}
    return _decode_columns(columns, group)


def _decode_columns(columns: Mapping[str, Any], group: str) -> RawTable:
    """Read {"x": [x1, x2, ...], "y": [y1, y2, ...]}."""
    lengths = {}
    for name, cells in columns.items():
        if not isinstance(cells, list):
            raise not_a_table(cells, Place(field=name))
        lengths[name] = len(cells)
    if len({*lengths.values()}) > 1:
        first = next(iter(lengths))
        other = next(name for name, length in lengths.items() if length != lengths[first])
        raise InvalidTable(
            f"columns must have equal length, {lengths[first]} as {shorten(first)}",
            got=f"{lengths[other]} in {shorten(other)}",
            remedy="write null where a number is missing",
            places=[Place(field=other)],
        )
    return arrange([*columns.values()], tuple(columns), group)


def _decode_split(names: Cells, rows: Cells, index: object, group: str) -> RawTable:
    """Read {"columns": ["x", "y"], "data": [[x1, y1], ...], "index": ["a", ...]}."""
    read = _decode_rows(rows, tuple(map(str, names)), group)
    if not isinstance(index, list) or index == [*range(len(rows))]:
        return read
    if len(index) != len(rows):
        raise InvalidTable(
            f"index must name each of the {len(rows)} rows",
            got=f"{len(index)} names",
            remedy="correct it or leave it out",
        )
    labels = NameColumn("index", [*map(str, index)], names_rows=True)
    return RawTable(read.values, read.places, read.names, (labels, *read.texts))


def _decode_tensor(tensor: object) -> RawTable:
    """Read {"name": ..., "shape": [n, p], "datatype": "FP64", "data": [...]}, flat or nested."""
    if not isinstance(tensor, dict) or not {"shape", "data"} <= {*tensor}:
        raise InvalidTable(
            "an input must have shape, datatype and data", got=shorten(tensor), remedy=SHAPES
        )
    shape, data, datatype = tensor["shape"], tensor["data"], tensor.get("datatype", "FP64")
    if datatype not in _DATATYPES:
        raise InvalidTable(
            "datatype must be a number's", got=shorten(datatype), remedy="send FP64 or FP32"
        )
    match shape:
        case [int(n), int(p)] if n > 0 and p > 0 and isinstance(data, list):
            pass
        case _:
            raise InvalidTable(
                "a tensor must have shape [n, p] and a list of data",
                got=f"shape {shorten(shape)}",
                remedy="send one row for each observation",
            )
    if data and isinstance(data[0], list):
        rows = data
    elif len(data) == n * p:
        rows = [data[start : start + p] for start in range(0, n * p, p)]
    else:
        raise InvalidTable(
            f"a tensor of shape [{n}, {p}] must have {n * p} values",
            got=f"{len(data)}",
            remedy="correct the shape or the data",
        )
    read = _decode_rows(rows, (), "")
    if read.values.shape != (n, p):
        raise InvalidTable(
            f"data must have the shape [{n}, {p}] that the tensor says",
            got=f"{[*read.values.shape]}",
            remedy="correct the shape or the data",
        )
    return read
