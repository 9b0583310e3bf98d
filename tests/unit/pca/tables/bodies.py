"""One table, written in every way."""

import io
import json
import zipfile
from collections.abc import Collection
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
from pyarrow import parquet as pq

from meshlens.pca.tables.table import Table

JSON, NPY = "application/json", "application/x-npy"

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"

BINARY = "application/octet-stream"

FORM = "application/x-www-form-urlencoded"

VALUES = [[1.5, 2.0], [3.0, -4.0], [5.0, 6.25]]

GROUPS = ("a", "b", "a")


def save(array: Any, **options: Any) -> bytes:  # noqa: ANN401 - whatever numpy takes
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def write_arrow(columns: Any, *, file: bool = False, compression: str | None = None) -> bytes:  # noqa: ANN401 - whatever Arrow takes
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    new = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def grouped(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "kind": pa.array(GROUPS).dictionary_encode()}


X, Y = zip(*VALUES, strict=True)

STRUCTURED = np.array([*map(tuple, VALUES)], dtype=[("x", "<f8"), ("y", "<f4")])

NAMED: dict[str, tuple[bytes, str]] = {
    "commas": (b"x,y\n1.5,2\n3,-4\n5,6.25\n", "text/csv"),
    "semicolons": (b"x;y\n1.5;2\n3;-4\n5;6.25\n", "text/csv"),
    "semicolons and decimal commas": (b"x;y\n1,5;2\n3;-4\n5;6,25\n", "text/csv"),
    "tabs": (b"x\ty\n1.5\t2\n3\t-4\n5\t6.25\n", "text/tab-separated-values"),
    "quotes": (b'"x","y"\n"1.5","2"\n"3","-4"\n"5","6.25"\n', "text/csv"),
    "records": (json.dumps([dict(zip("xy", row, strict=True)) for row in VALUES]).encode(), JSON),
    "columns": (json.dumps({"x": X, "y": Y}).encode(), JSON),
    "split": (
        json.dumps({"columns": ["x", "y"], "data": VALUES, "index": [0, 1, 2]}).encode(),
        JSON,
    ),
    "structured .npy": (save(STRUCTURED), NPY),
    "Arrow stream": (write_arrow({"x": X, "y": Y}), STREAM),
    "Arrow file": (write_arrow({"x": X, "y": Y}, file=True), FILE),
    "compressed Arrow": (write_arrow({"x": X, "y": Y}, compression="zstd"), STREAM),
}

UNNAMED: dict[str, tuple[bytes, str]] = {
    "one line": (b"1.5,2,3,-4,5,6.25", ""),
    "one line of semicolons": (b"1.5;2;3;-4;5;6.25", ""),
    "rows": (b"1.5,2\n3,-4\n5,6.25\n", "text/csv"),
    "JSON rows": (json.dumps(VALUES).encode(), JSON),
    "tensor": (
        json.dumps(
            {"name": "x", "shape": [3, 2], "datatype": "FP64", "data": [*np.ravel(VALUES)]}
        ).encode(),
        JSON,
    ),
    "request": (
        json.dumps(
            {"inputs": [{"name": "x", "shape": [3, 2], "datatype": "FP32", "data": VALUES}]}
        ).encode(),
        JSON,
    ),
    "C order": (save(np.array(VALUES)), NPY),
    "Fortran order": (save(np.asfortranarray(VALUES)), NPY),
    "big-endian singles": (save(np.array(VALUES, dtype=">f4")), NPY),
}

GROUPED: dict[str, tuple[bytes, str]] = {
    "header": (b"x,y,kind\n1.5,2,a\n3,-4,b\n5,6.25,a\n", "text/csv"),
    "in front": (b"kind,x,y\na,1.5,2\n b ,3,-4\na,5,6.25\n", "text/csv"),
    "records": (
        json.dumps(
            [{"x": x, "kind": kind, "y": y} for (x, y), kind in zip(VALUES, GROUPS, strict=True)]
        ).encode(),
        JSON,
    ),
    "columns": (json.dumps({"x": X, "kind": GROUPS, "y": Y}).encode(), JSON),
    "dictionary": (write_arrow(grouped({"x": X, "y": Y})), STREAM),
    "strings": (write_arrow({"x": X, "y": Y, "kind": GROUPS}, file=True), FILE),
}


def assert_is(table: Table, names: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> None:
    assert table.values.tolist() == VALUES
    assert table.values.flags.c_contiguous
    assert table.values.dtype == np.float64
    assert (table.names, table.groups) == (names, groups)
    assert (table.labels, table.filled, table.dropped) == ((), 0, 0)


def write_workbook(sheets: dict[str, list[list[Any]]], *, hidden: Collection[str] = ()) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name in hidden:
            sheet.sheet_state = "hidden"
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def write_parquet(columns: Any, **options: Any) -> bytes:  # noqa: ANN401 - whatever Arrow takes
    sink = pa.BufferOutputStream()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def claim_rows(body: bytes, rows: int, claimed: int, *, values: bool = False) -> bytes:
    """A Parquet file of one column and one group, whose footer is rewritten to claim other rows.

    Args:
        body: the file.
        rows: that it has, fewer than 64.
        claimed: that it has by the footer then.
        values: whether the column has as many by the footer, too.
    """
    # The zigzag numbers of the file's rows, the column's values and the group's rows.
    held, said = bytes((0x16, 2 * rows)), bytes((0x16, 2 * claimed))
    start, file, column, end = body.split(held)
    return start + said + file + (said if values else held) + column + said + end


def write_zip(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()
