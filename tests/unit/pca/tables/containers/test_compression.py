"""Compressed bodies: as what is within, bounded, and refused if damaged."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest
from unit.pca.tables.bodies import BINARY, JSON, NAMED, VALUES, save, write_zip

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.growth import find_limit
from meshlens.pca.tables.table import decode_table

CSV, _ = NAMED["commas"]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("content_type", ["", "text/csv", BINARY, "application/gzip", "image/png"])
def test_a_compressed_body_is_read_as_what_is_within(name: str, content_type: str) -> None:
    body = COMPRESS[name](CSV)
    if content_type == "image/png":
        with pytest.raises(InvalidTable, match="content type must be one of"):
            decode_table(body, content_type)
        return
    table = decode_table(body, content_type)
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)
    assert table.reading.format.endswith(f"({name})")


@pytest.mark.parametrize("name", ["records", "structured .npy", "Arrow file", "compressed Arrow"])
def test_any_format_may_be_compressed(name: str) -> None:
    body, content_type = NAMED[name]
    for kind in (content_type, BINARY, "application/x-gzip"):
        assert decode_table(gzip.compress(body), kind).values.tolist() == VALUES


@pytest.mark.parametrize("name", COMPRESS)
def test_streams_one_after_the_other_are_one_body(name: str) -> None:
    compress = COMPRESS[name]
    padding = b"\0" * 40_000 if name == "gzip" else b""
    body = compress(CSV[:9]) + padding + compress(b"") + compress(CSV[9:]) + padding
    assert decode_table(body).values.tolist() == VALUES


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPRESS)
def test_a_large_body_is_decompressed_in_parts(name: str) -> None:
    lines = b"1.5,2\n3,-4\n" * 300_000
    assert decode_table(COMPRESS[name](lines)).values.shape == (600_000, 2)


@pytest.mark.parametrize("name", COMPRESS)
def test_a_damaged_body_is_refused(name: str) -> None:
    body = COMPRESS[name](CSV)
    flipped = body[:-6] + bytes([body[-6] ^ 1]) + body[-5:]
    for damaged in (body[:-1], body[: len(body) // 2], body[:12], flipped, body + b"1,2\n"):
        with pytest.raises(InvalidTable, match=f"as {name} must be {name}, got a damaged"):
            decode_table(damaged)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPRESS)
def test_a_bomb_is_refused(name: str) -> None:
    bomb = COMPRESS[name](b"\0" * (find_limit(0) + 1))
    with pytest.raises(InvalidTable, match="may decompress to 67108864 bytes, got 67108865"):
        decode_table(bomb)


def test_a_body_compressed_twice_is_refused() -> None:
    for body in (gzip.compress(gzip.compress(CSV)), write_zip({"a.csv.gz": gzip.compress(CSV)})):
        with pytest.raises(InvalidTable, match="may be compressed once"):
            decode_table(body)


def test_nothing_compressed_is_no_table() -> None:
    with pytest.raises(InvalidTable, match=r"must hold a table, got nothing \(gzip\)"):
        decode_table(gzip.compress(b""))


def test_a_fault_within_is_told_as_always() -> None:
    with pytest.raises(InvalidTable, match="got '3x' at row 2, column 1"):
        decode_table(gzip.compress(b"1,2\n3x,4\n"))
    with pytest.raises(InvalidTable, match="an SQLite database"):
        decode_table(gzip.compress(b"SQLite format 3\0"), JSON)


def test_a_column_may_be_called_as_bzip2_begins() -> None:
    assert decode_table(b"BZh,y\n1,2\n3,4\n").names == ("BZh", "y")
    assert decode_table(save([[1.5, 2]])).values.tolist() == [[1.5, 2]]
