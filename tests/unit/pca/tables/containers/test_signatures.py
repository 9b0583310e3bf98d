"""Files of other kinds are refused by name, whatever they are sent as."""

import pickle

import pytest
from unit.pca.tables.bodies import BINARY, JSON

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.table import decode_table

FOREIGN: dict[str, bytes] = {
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "a PNG picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a JPEG picture": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a GIF picture": b"GIF89a\1\0\1\0",
    "a TIFF picture": b"II*\0\x08\0\0\0",
    "a WebP picture": b"RIFF\x24\0\0\0WEBPVP8 ",
    "an old Office file (.xls, .doc) or an encrypted one": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
    "a document in rich text (RTF)": b"{\\rtf1\\ansi 1,2}",
    "an SQLite database": b"SQLite format 3\0\x10\0",
    "an SPSS data file (.sav)": b"$FL2@(#) SPSS DATA FILE",
    "a Stata data file (.dta)": b"<stata_dta><header>",
    "a Stata data file": b"\x72\x02\x01\0\3\0\4\0",
    "an R workspace (.RData)": b"RDX3\nX\n\0\0\0\3",
    "a serialized R object (.rds)": b"X\n\0\0\0\3\0\4\2\0",
    "a SAS data set (.sas7bdat)": bytes.fromhex("00" * 12 + "c2ea8160b31411cfbd92080009c7318c"),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n\0",
    "a MATLAB file (.mat)": b"MATLAB 5.0 MAT-file, Platform: GLNXA64\0\1",
    "a NetCDF file": b"CDF\1\0\0\0\0",
    "a Feather file of version 1": b"FEA1\0\0\0\0",
    "an ORC file": b"ORC\n\x1f\0\0\x12",
    "an Avro file": b"Obj\1\4\x14avro.codec\0",
    "a Python pickle": pickle.dumps([[1, 2], [3, 4]]),
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c\0\4",
    "a RAR archive": b"Rar!\x1a\7\1\0",
    "a tar archive": b"a.csv".ljust(257, b"\0") + b"ustar\0" + b"00",
    "a file compressed by Zstandard": b"\x28\xb5\x2f\xfd\x24\0",
    "the pointer to a file in Git LFS": b"version https://git-lfs.github.com/spec/v1\noid ",
    "a web page (HTML)": b"\n<!DOCTYPE html>\n<html><body>1,2</body></html>",
    "an Excel workbook in XML of 2003": (
        b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'
    ),
    "an XML document": b'\xef\xbb\xbf<?xml version="1.0"?>\n<points/>',
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("content_type", ["", JSON, BINARY, "application/vnd.ms-excel"])
def test_another_kind_of_file_is_named(what: str, content_type: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(FOREIGN[what], content_type)
    assert caught.value.got.startswith(what)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", ["ORC", "FEA1", "PARE", "CDF", "GIF8", "RDX", "ustar", "i", "PAR1"]
)
def test_a_column_may_be_called_as_another_file_begins(name: str) -> None:
    assert decode_table(f"{name},y\n1,2\n3,4\n".encode(), BINARY).names == (name, "y")
