"""Archives: the one file within, or what kind of document it is."""

import zipfile
from io import BytesIO

import pytest
from unit.pca.tables.bodies import BINARY, NAMED, VALUES, save, write_zip

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.growth import find_limit
from meshlens.pca.tables.table import decode_table

CSV, _ = NAMED["commas"]


@pytest.mark.parametrize("content_type", ["", BINARY, "application/zip", "text/csv"])
def test_the_one_file_of_an_archive_is_the_body(content_type: str) -> None:
    body = write_zip(
        {"data/": b"", "data/a.csv": CSV, "__MACOSX/data/._a.csv": b"x", "data/.DS_Store": b"x"}
    )
    table = decode_table(body, content_type)
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)
    assert table.reading.format.endswith("(zip, data/a.csv)")


def test_one_array_of_numpy_is_read() -> None:
    assert decode_table(write_zip({"x.npy": save(VALUES)})).values.tolist() == VALUES


def test_a_file_may_lack_a_name() -> None:
    body, nameless = BytesIO(), zipfile.ZipInfo("named")
    nameless.filename = ""
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(nameless, CSV)
    assert decode_table(body.getvalue()).values.tolist() == VALUES


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": CSV, "b.csv": CSV}, r"must hold one file, got 'a.csv', 'b.csv'"),
        ({}, "must hold one file, got none"),
        ({"word/document.xml": b""}, "got a Word document"),
        ({"ppt/presentation.xml": b""}, "got a PowerPoint presentation"),
        ({"xl/workbook.bin": b""}, r"got a binary Excel workbook \(\.xlsb\)"),
        ({"Index/Document.iwa": b""}, "got an Apple Numbers document"),
        (
            {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b""},
            r"got an OpenDocument spreadsheet \(\.ods\)",
        ),
        ({"mimetype": b"application/vnd.oasis.opendocument.text"}, "got an OpenDocument file"),
        ({"a.csv": b""}, r"must hold a table, got nothing"),
        pytest.param(
            {"a.csv": b"0" * (find_limit(0) + 1)},
            "may decompress to 67108864 bytes",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_else_an_archive_holds_is_named(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        decode_table(write_zip(files), BINARY)


def test_an_archive_may_lie_about_the_size_of_a_file() -> None:
    body = write_zip({"a.csv": b"1,2\n" * 3_000_000})
    lie = body.replace((12_000_000).to_bytes(4, "little"), (8).to_bytes(4, "little"))
    assert lie != body
    with pytest.raises(InvalidTable, match="zip archive must be one that can be unpacked"):
        decode_table(lie)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_cannot_be_bounded_is_refused(method: int) -> None:
    with pytest.raises(InvalidTable, match="can be unpacked, got NotImplementedError"):
        decode_table(write_zip({"a.csv": CSV}, method=method))


def test_an_encrypted_file_is_refused_by_name() -> None:
    body = bytearray(write_zip({"a.csv": CSV}))
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        body[body.index(mark) + flags] |= 1
    with pytest.raises(InvalidTable, match=r"got the encrypted 'a\.csv'"):
        decode_table(bytes(body))


@pytest.mark.parametrize("at", [30, 40, 50, -1])
def test_a_damaged_archive_is_refused(at: int) -> None:
    body = write_zip({"a.csv": CSV}, method=zipfile.ZIP_STORED)
    damaged = body[:40] if at < 0 else body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    with pytest.raises(InvalidTable, match="zip archive must be one that can be unpacked"):
        decode_table(damaged)
