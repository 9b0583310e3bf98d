"""Parquet: its columns, its names, and what is refused before it is decompressed."""

import datetime as dt
import decimal
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq
from unit.pca.tables.bodies import (
    BINARY,
    GROUPS,
    STREAM,
    VALUES,
    X,
    Y,
    assert_is,
    claim_rows,
    grouped,
    write_arrow,
    write_parquet,
)

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.binary.parquet_bounds import Chunk, Pages, measure_pages, read_footer
from meshlens.pca.tables.table import decode_table

PARQUET = "application/vnd.apache.parquet"
COLUMNS = {"x": X, "y": Y}
DAYS = [dt.date(2024, 1, day) for day in (1, 2, 3)]


@pytest.mark.parametrize("content_type", ["", PARQUET, BINARY, "text/csv"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_parquet_is_known_by_its_bytes(content_type: str, compression: str) -> None:
    body = write_parquet(grouped(COLUMNS), compression=compression)
    table = decode_table(body, content_type)
    assert_is(table, ("x", "y"), GROUPS)
    assert table.reading.format == "Parquet"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"data_page_version": "2.0"},
        {"use_dictionary": False},
        {"row_group_size": 1},
        {"data_page_size": 1, "write_batch_size": 1},
        {"write_page_checksum": True, "write_statistics": True, "write_page_index": True},
    ],
)
def test_parquet_is_read_however_its_pages_are_laid_out(options: dict[str, object]) -> None:
    rows = 3000
    values = np.arange(2.0 * rows).reshape(rows, 2) % 977
    body = write_parquet({"x": values[:, 0], "y": values[:, 1]}, **options)
    np.testing.assert_array_equal(decode_table(body).values, values)


def write_with_index(*names: object) -> pa.Table:
    """Return a table with the metadata that pandas writes for an index of these columns."""
    table = pa.table({"x": X, "site": [*"pqr"], "year": [3, 1, 2], "y": Y})
    described = json.dumps({"index_columns": names}).encode()
    return table.replace_schema_metadata({b"pandas": described})


@pytest.mark.parametrize("is_parquet", [True, False])
def test_the_index_of_pandas_names_the_observations(is_parquet: bool) -> None:  # noqa: FBT001 - a parameter
    def read(*names: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        table = write_with_index(*names)
        body = write_parquet(table) if is_parquet else write_arrow(table)
        read = decode_table(body, PARQUET if is_parquet else STREAM)
        return read.names, read.labels

    assert read("year") == (("x", "y"), ("3", "1", "2"))
    assert read("site") == (("x", "year", "y"), ("p", "q", "r"))
    assert read({"kind": "range", "start": 0}) == (("x", "year", "y"), ("p", "q", "r"))


def test_columns_of_other_types_are_numbers_or_names() -> None:
    body = write_parquet(
        {
            "truth": pa.array([True, None, False]),
            "cents": pa.array([decimal.Decimal("1.25"), decimal.Decimal(2), decimal.Decimal(3)]),
            "half": pa.array(np.array([1, 2, 4], dtype=np.float16)),
            "day": DAYS,
        }
    )
    table = decode_table(body, missing=Missing.DROP)
    assert table.names == ("truth", "cents", "half")
    assert table.values.tolist() == [[1, 1.25, 1], [0, 3, 4]]
    assert table.labels == ("2024-01-01", "2024-01-03")
    assert table.reading.notes == ("true and false are read as 1 and 0: 'truth'",)


def make_long_names() -> bytes:
    repeated = pa.DictionaryArray.from_arrays(np.zeros(40_000, dtype=np.int32), ["long" * 2500])
    return write_parquet({"x": np.arange(40_000), "k": repeated})


BAD: dict[str, tuple[bytes, str]] = {
    "lists": (write_parquet({"x": [[1], [2]]}), r"list.* in column 1 \(x\)"),
    "structures": (write_parquet({"x": [{"a": 1}]}), r"struct.* in column 1 \(x\)"),
    "bytes": (write_parquet({"x": [b"1"]}), r"binary in column 1 \(x\)"),
    "names only": (write_parquet({"x": ["a", "b"]}), "at least one column must hold numbers"),
    "no rows": (write_parquet({"x": pa.array([], pa.float64())}), "no rows"),
    "missing": (write_parquet({"x": [1, None], "y": [1, 2]}), r"1 missing .*row 2, column 1 \(x\)"),
    "a bomb": (
        write_parquet({"x": np.zeros(9_000_000)}, compression="zstd", use_dictionary=False),
        "may decompress to 67108864 bytes, got 72",
    ),
    "a bomb of a dictionary": (
        write_parquet({"x": np.zeros(9_000_000)}, compression="zstd"),
        "may decompress to 67108864 bytes, got 72000000",
    ),
    "a bomb of names": (
        write_parquet({"x": [1.0], "k": ["a" * 70_000_000]}, compression="gzip"),
        "may decompress to 67108864 bytes",
    ),
    "two magics": (b"PAR1" * 2, "must be a Parquet file"),
    "text": (b"1,2\n", "must be a Parquet file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parquet_is_refused(name: str) -> None:
    body, message = BAD[name]
    with pytest.raises(InvalidTable, match=message):
        decode_table(body, PARQUET)


def test_a_name_that_repeats_takes_memory_once() -> None:
    table = decode_table(make_long_names())
    assert (table.values.shape, {*table.groups}) == ((40_000, 1), {"long" * 2500})


@pytest.mark.slow
@given(st.data())
def test_damaged_parquet_is_a_table_or_refused(data: st.DataObject) -> None:
    body = bytearray(
        data.draw(
            st.sampled_from(
                [
                    write_parquet(grouped(COLUMNS)),
                    write_parquet(grouped(COLUMNS), compression="gzip", data_page_version="2.0"),
                    write_parquet({"x": X, "d": DAYS}, compression="none"),
                ]
            )
        )
    )
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(4, len(body) - 5), st.integers(0, 255)), max_size=4)
    ):
        body[at] = byte
    try:
        table = decode_table(bytes(body), PARQUET)
    except InvalidTable:
        return
    assert np.isfinite(table.values).all()


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        (b"\x15\0\x15\x04\x15\x04\0", "end where its column ends"),
        (b"\x15\0\x15\x04\0", "two sizes"),
        (b"\x15\0\x15\x03\x15\x04\0", "two sizes"),
        (b"\x15\0\x15", "end of the file"),
        (b"\x1b\0", "value of type 11"),
        (b"\x1c" * 20, "value of type 12"),
        (b"\x25" + b"\xff" * 20, "64 bits"),
        (b"\x18" + b"\xff" * 9 + b"\x01\0", "end of the file"),
    ],
)
def test_headers_of_pages_that_are_damaged_are_refused(pages: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_pages(pages, 0, len(pages), 100)


def test_the_places_of_columns_are_those_that_arrow_finds() -> None:
    wide = {f"x{at}": X for at in range(40)}
    body = write_parquet(wide, row_group_size=1, write_page_index=True)
    metadata = pq.ParquetFile(pa.BufferReader(body)).metadata
    found = [
        Chunk(at.dictionary_page_offset or at.data_page_offset, at.total_compressed_size)
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for at in map(group.column, range(group.num_columns))
    ]
    assert [chunk for group in read_footer(body) for chunk in group.chunks] == found
    assert [group.rows for group in read_footer(body)] == [1] * len(X)
    assert len(found) == 40 * len(X)


@pytest.mark.parametrize(
    ("footer", "message"),
    [
        (b"\x49\x1c\x19\x1c\x3c\x56\x02\0\0\0\0", "the place and the size"),
        (b"\x49\x15\0", "expected structures"),
        (b"\x49\xfc\xff\xff\x01", "too early"),
        (b"\x19\xf1\xff\xff\xff\xff\x0f", "too early"),
        (b"\x19\x19" * 20, "value of type 9"),
    ],
)
def test_a_damaged_footer_is_refused(footer: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_footer(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1\x09\0\0\0PAR1", b"\0" * 40])
def test_a_footer_outside_the_body_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected a footer in the body"):
        read_footer(body)


@pytest.mark.slow
def test_sizes_that_arrow_would_end_the_process_for_are_a_table_or_refused() -> None:
    body = write_parquet(COLUMNS, write_page_index=True)
    for at in range(len(body) - 8 - int.from_bytes(body[-8:-4], "little"), len(body) - 8):
        damaged = bytearray(body)
        damaged[at] ^= 0x10
        try:
            assert np.isfinite(decode_table(bytes(damaged), PARQUET).values).all()
        except InvalidTable:
            continue


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, -1), (0, 9), (9, 1)])
def test_pages_outside_the_body_are_refused(start: int, length: int) -> None:
    with pytest.raises(ValueError, match="expected pages in the body"):
        measure_pages(b"\0" * 8, start, length, 100)


def test_the_size_of_pages_is_the_sum_of_what_they_say() -> None:
    page = b"\x15\0\x15\x08\x15\x04\x2c\x15\x06\x15\0\0\0ab"
    assert measure_pages(page * 3, 0, 3 * len(page), 100) == Pages(12, 9)
    assert measure_pages(page * 3, len(page), len(page), 100) == Pages(4, 3)
    assert measure_pages(page * 3, 0, 3 * len(page), 5).decoded == 8


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("claimed", [8, 10])
def test_a_footer_that_claims_other_rows_than_the_columns_hold_is_refused(
    claimed: int,
    values: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    body = write_parquet({"x": [*map(float, range(9))]})
    lying = claim_rows(body, 9, claimed, values=values)
    assert len(decode_table(claim_rows(body, 9, 9)).values) == 9
    with pytest.raises(InvalidTable, match=f"expected {claimed} rows in group 1, got 9"):
        decode_table(lying)
    assert decode_table(write_parquet(COLUMNS)).values.tolist() == VALUES
