"""Every way to write a table says the same: numbers, names, groups and names of rows."""

import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import MOST_COLUMNS
from meshlens.pca.tables.npy import encode_npy
from meshlens.pca.tables.table import Table, decode_table

Array = npt.NDArray[np.float64]

JSON, NPY = "application/json", "application/x-npy"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
BINARY = "application/octet-stream"
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


@pytest.mark.parametrize("name", NAMED)
def test_names_are_kept(name: str) -> None:
    assert_is(decode_table(*NAMED[name]), ("x", "y"))


@pytest.mark.parametrize("name", UNNAMED)
def test_numbers_need_no_names(name: str) -> None:
    assert_is(decode_table(*UNNAMED[name]))


@pytest.mark.parametrize("name", GROUPED)
def test_a_column_of_names_that_repeats_itself_holds_the_groups(name: str) -> None:
    assert_is(decode_table(*GROUPED[name]), ("x", "y"), GROUPS)


@pytest.mark.parametrize("name", ["commas", "columns", "C order", "Arrow stream", "Arrow file"])
def test_an_octet_stream_is_what_its_first_bytes_say(name: str) -> None:
    body, _ = (NAMED | UNNAMED)[name]
    assert decode_table(body, BINARY).values.tolist() == VALUES


def test_a_column_in_which_every_name_is_another_names_the_rows() -> None:
    table = decode_table(b"who,x,y\nann,1,2\nbob,3,4\n")
    assert (table.labels, table.groups, table.names) == (("ann", "bob"), (), ("x", "y"))


def test_rows_may_have_names_and_groups() -> None:
    table = decode_table(b"who,x,kind\nann,1,u\nbob,3,v\ncy,4,u\n")
    assert (table.labels, table.groups, table.names) == (
        ("ann", "bob", "cy"),
        ("u", "v", "u"),
        ("x",),
    )


@pytest.mark.parametrize(
    "body",
    [
        b',"x","y"\n"1",1.5,2\n"2",3,-4\n"3",5,6.25\n',  # R's write.csv
        b"x,y\n1,1.5,2\n2,3,-4\n3,5,6.25\n",  # R's write.table
    ],
)
def test_a_first_column_without_a_name_names_the_rows(body: bytes) -> None:
    table = decode_table(body)
    assert (table.values.tolist(), table.names) == (VALUES, ("x", "y"))
    assert table.labels == ("1", "2", "3")


def test_the_index_of_a_split_table_names_the_rows() -> None:
    body = json.dumps({"columns": ["x", "y"], "data": VALUES, "index": ["p", "q", "r"]})
    assert decode_table(body.encode(), JSON).labels == ("p", "q", "r")


@pytest.mark.parametrize(
    ("body", "content_type", "groups"),
    [
        (b"x,kind,y\n1.5,1,2\n3,2,-4\n5,1,6.25\n", "", ("1", "2", "1")),
        (b"x,kind,y\n1.5,01,2\n3,b,-4\n5,01,6.25\n", "", ("01", "b", "01")),
        (b'{"x":[1.5,3,5],"kind":[1,2,1],"y":[2,-4,6.25]}', JSON, ("1", "2", "1")),
        (b'{"x":[1.5,3,5],"kind":["1",2,"1"],"y":[2,-4,6.25]}', JSON, ("1", "2", "1")),
        (write_arrow({"x": X, "kind": [1, 2, 1], "y": Y}), STREAM, ("1", "2", "1")),
    ],
)
def test_a_column_of_numbers_holds_the_groups_if_the_caller_says_so(
    body: bytes, content_type: str, groups: tuple[str, ...]
) -> None:
    assert_is(decode_table(body, content_type, group="kind"), ("x", "y"), groups)


def test_groups_of_an_array_are_named_by_their_place() -> None:
    table = decode_table(save(np.array([[1, 7], [2, 8], [3, 7]])), NPY, group="x2")
    assert (table.values.tolist(), table.groups) == ([[1], [2], [3]], ("7", "8", "7"))


def test_a_group_that_is_no_column_is_refused_with_the_columns() -> None:
    with pytest.raises(InvalidOption, match=r"'species'.*'x', 'y', 'kind'"):
        decode_table(*GROUPED["header"], group="species")


def test_years_are_names_if_the_caller_says_so() -> None:
    table = decode_table(b"2010,2011\n1,2\n3,4\n", header=True)
    assert (table.names, table.values.tolist()) == (("2010", "2011"), [[1, 2], [3, 4]])
    table = decode_table(b"a,1\nb,2\na,5\n", header=False)
    assert (table.groups, table.values.tolist()) == (("a", "b", "a"), [[1], [2], [5]])


def large(rows: int = 6000) -> bytes:
    return b"x,y,kind\n" + b"".join(b"%d.5,%d,%c\n" % (i, -i, 97 + i % 3) for i in range(rows))


def test_large_text_is_read_as_small_text() -> None:
    table = decode_table(large())
    assert table.values.tolist() == [[i + 0.5, -i] for i in range(6000)]
    assert table.names == ("x", "y")
    assert table.groups == tuple("abc"[i % 3] for i in range(6000))
    line = ",".join(f"{i}.5,{-i}" for i in range(9000)).encode()
    assert decode_table(line).values.tolist() == [[i + 0.5, -i] for i in range(9000)]
    comma = ";".join(f"{i},5;{-i}" for i in range(9000)).encode()
    assert decode_table(comma).values.tolist() == [[i + 0.5, -i] for i in range(9000)]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (b"12,oops,a\n", ["'oops'", "row 6002, column 2 (y)"]),
        (b"12,NA,a\n", ["1 missing", "row 6002, column 2 (y)"]),
        (b"12,,a\n", ["1 missing", "row 6002, column 2 (y)"]),
        (b"12,-inf,a\n", ["-inf", "row 6002, column 2 (y)"]),
        (b"12,3\n", ["3 as the first", "got 2 at row 6002"]),
        (b"12,3,4\n", ["'4'", "row 6002, column 3 (kind)"]),
        (b'12,3,"a\n', ["quotes"]),
    ],
)
def test_a_fault_deep_in_large_text_is_named(cell: bytes, names: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(large() + cell + b"1,2,a\n" * 20_000)
    for name in names:
        assert name in str(caught.value)


cells = st.sampled_from(["1", "-2.5", " 3", "+4e2", "nan", "", "NA", "x", "inf", "1_0", '"5"', '"'])


@given(
    st.lists(st.lists(cells, min_size=1, max_size=3), min_size=2, max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
@example([[""], ["1", "1", ""]], ",", "\n")
@example([['"'], ['"'], ["1", "1"], ['"5"', "1"]], ",", "\n")
def test_arrow_reads_what_the_standard_library_reads(
    rows: list[list[str]], delimiter: str, newline: str
) -> None:
    body = newline.join(delimiter.join(row) for row in rows).encode()
    with pytest.MonkeyPatch.context() as patch:
        outcomes: list[object] = []
        for large_from in (0, 1 << 16):
            patch.setattr("meshlens.pca.tables.delimited._LARGE", large_from)
            try:
                table = decode_table(body, missing=Missing.MEAN)
                # A blank line within quotes is dropped by the one and kept by the other.
                words = " | ".join((*table.names, *table.groups, *table.labels)).split()
                outcomes.append((table.values.tolist(), words))
            except InvalidTable as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def npy(shape: str, size: int) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(size)


BAD_NPY: dict[str, tuple[bytes, str]] = {
    "objects": (save(np.array([[1, "a"]], dtype=object), allow_pickle=True), "must hold numbers"),
    "text": (save(np.array([["a", "b"]])), "must hold numbers"),
    "complex": (save(np.array([[1j]])), "must hold numbers"),
    "dates": (save(np.array([["2026-11-21"]], dtype="datetime64[D]")), "must hold numbers"),
    "one axis": (save(np.zeros(3)), r"shape \(3,\)"),
    "no axis": (save(np.float64(3)), r"shape \(\)"),
    "three axes": (save(np.zeros((2, 2, 2))), "matrix"),
    "no rows": (save(np.zeros((0, 2))), r"shape \(0, 2\)"),
    "cut short": (save(np.zeros((3, 2)))[:-1], "takes 48 bytes, got 47"),
    "too long": (save(np.zeros((3, 2))) + b"\0", "takes 48 bytes, got 49"),
    "false shape": (
        save(np.zeros((3, 2))).replace(b"(3, 2), }", b"(3**9,2)}"),
        "descr, fortran_order and shape",
    ),
    "huge shape": (
        save(np.zeros((3, 2))).replace(b"(3, 2), }          ", b"(3000000000, 2), } "),
        "takes 48000000000 bytes, got 48",
    ),
    "a negative shape": (npy("(-3, -2)", 48), r"matrix.*\(-3, -2\)"),
    "a truth value as shape": (npy("(True, 6)", 48), r"matrix.*\(True, 6\)"),
    "a shape beyond what Python prints": (npy(f"({10**4000}, {10**4000})", 8), r"matrix.*\(1000"),
    "a thousand axes": (npy(f"({'1, ' * 1000})", 8), r"matrix.*\(1, 1"),
    "a shape in brackets": (npy("[3, 2]", 48), "descr, fortran_order and shape"),
    "a header of nested brackets": (npy("(" * 5000, 48), "descr, fortran_order and shape"),
    "no dtype": (save(np.zeros((3, 2))).replace(b"'<f8'", b"'<x8'"), "descr"),
    "header beyond the body": (b"\x93NUMPY\x01\x00\xff\xff{}", "whole and short"),
    "only the magic": (b"\x93NUMPY", "version 1 to 3"),
    "a later version": (b"\x93NUMPY\x09\x00\x01\x00{", "version 1 to 3"),
    "something else": (b"1,2", "magic"),
    "too many columns": (save(np.zeros((1, MOST_COLUMNS + 1), dtype=np.int8)), "10001"),
    "infinity": (save(np.array([[1, 2], [3, np.inf]])), "inf at row 2, column 2"),
    "missing": (save(np.array([[1, 2], [3, np.nan]])), "1 missing .* row 2, column 2"),
}


@pytest.mark.parametrize("name", BAD_NPY)
def test_bad_npy_is_refused_and_nothing_is_unpickled(name: str) -> None:
    body, message = BAD_NPY[name]
    with pytest.raises(InvalidTable, match=message) as caught:
        decode_table(body, NPY)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("version", "name"),
    [((1, 0), "length"), ((1, 0), "länge"), ((2, 0), "länge"), ((3, 0), "長さ")],
)
def test_npy_of_every_version_is_read(version: tuple[int, int], name: str) -> None:
    array = np.array([(1, 2.5), (3, 4.5)], dtype=[(name, "<f8"), ("y", "<f4")])
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    table = decode_table(file.getvalue(), NPY)
    assert (table.names, table.values.tolist()) == ((name, "y"), [[1, 2.5], [3, 4.5]])


def test_npy_comes_back_as_it_was_written() -> None:
    values = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_array_equal(decode_table(encode_npy(values.T), NPY).values, values.T)


def bomb(rows: int, *, compression: str | None = "zstd") -> bytes:
    return write_arrow({"x": np.zeros(rows), "y": np.zeros(rows)}, compression=compression)


BAD_ARROW: dict[str, tuple[bytes, str]] = {
    "a bomb": (bomb(5_000_000), "may decompress to 67108864 bytes, got 80000000"),
    "a bomb in a file": (
        write_arrow({"x": np.zeros(9_000_000)}, file=True, compression="lz4"),
        "may decompress",
    ),
    "a bomb of small numbers": (
        write_arrow({"x": np.zeros(9_000_000, dtype=np.int8)}, compression="zstd"),
        "may decompress",
    ),
    "nulls": (write_arrow({"x": pa.nulls(10)}), r"null in column 1 \(x\)"),
    "lists": (write_arrow({"x": [[1], [2]]}), r"list.* in column 1 \(x\)"),
    "times": (write_arrow({"x": pa.array([1], pa.timestamp("s"))}), "timestamp"),
    "names only": (write_arrow({"x": ["a", "b"]}), "at least one column must hold numbers"),
    "no rows": (write_arrow({"x": pa.array([], pa.float64())}), "no rows"),
    "names without rows": (
        write_arrow(
            {
                "x": pa.array([], pa.float64()),
                "k": pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), ["a", "b"]),
            }
        ),
        "no rows",
    ),
    "a dictionary of nulls": (
        write_arrow({"x": [1.0], "k": pa.array([None], pa.null()).dictionary_encode()}),
        "null in column 2",
    ),
    "missing": (write_arrow({"x": [1, None], "y": [1, 2]}), r"1 missing .*row 2, column 1 \(x\)"),
    "infinity": (write_arrow({"x": [1, np.inf]}), r"inf at row 2, column 1 \(x\)"),
    "cut short": (write_arrow({"x": X, "y": Y})[:-60], "Arrow IPC"),
    "nothing but a magic": (b"\xff\xff\xff\xff", "Arrow IPC"),
    "something else": (b"1,2\n3,4\n5,6\n7,8", "Arrow IPC"),
}


@pytest.mark.parametrize("name", BAD_ARROW)
def test_bad_arrow_is_refused(name: str) -> None:
    body, message = BAD_ARROW[name]
    with pytest.raises(InvalidTable, match=message):
        decode_table(body, STREAM)


@given(st.data())
def test_damaged_binary_is_a_table_or_refused(data: st.DataObject) -> None:
    body = bytearray(
        data.draw(
            st.sampled_from(
                [
                    save(np.array(VALUES)),
                    save(STRUCTURED),
                    write_arrow(grouped({"x": X, "y": Y})),
                    write_arrow(grouped({"x": X, "y": Y}), compression="lz4"),
                    write_arrow({"x": X, "kind": GROUPS}, file=True, compression="zstd"),
                ]
            )
        )
    )
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=4)
    ):
        body[at] = byte
    del body[data.draw(st.integers(len(body) // 2, len(body))) :]
    try:
        table = decode_table(bytes(body), BINARY)
    except InvalidTable:
        return
    assert np.isfinite(table.values).all()
