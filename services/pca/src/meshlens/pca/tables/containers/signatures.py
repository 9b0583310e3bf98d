"""What a file is by its first bytes, whatever its sender calls it.

Sources: the formats' own specifications, and the magic of file(1).
"""

import re
from dataclasses import dataclass

from meshlens.pca.errors import InvalidTable

_AS_CSV = "save its table as CSV, and send that"
_FROM_R = "write the table in R with write.csv(x, file), and send that"
_PICTURE = "send the numbers themselves; a picture of points or of a table is not read"
_ARCHIVE = "unpack it, and send the one file of numbers"
_STATA = "a Stata data file (.dta)"
_FROM_STATA = "write the table in Stata with export delimited, and send that"

_START = 4096  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Signature:
    """What identifies a format that is not read.

    Attributes:
        magic: its first bytes.
        what: the format, with its article.
        remedy: what the sender can do.
        at: where the magic is.
    """

    magic: bytes
    what: str
    remedy: str = _AS_CSV
    at: int = 0


_SIGNATURES = (
    Signature(b"%PDF-", "a PDF document"),
    Signature(b"\x89PNG\r\n\x1a\n", "a PNG picture", _PICTURE),
    Signature(b"\xff\xd8\xff", "a JPEG picture", _PICTURE),
    Signature(b"GIF8", "a GIF picture", _PICTURE),
    Signature(b"II*\0", "a TIFF picture", _PICTURE),
    Signature(b"MM\0*", "a TIFF picture", _PICTURE),
    Signature(b"WEBP", "a WebP picture", _PICTURE, at=8),
    Signature(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file (.xls, .doc) or an encrypted one",
        "save it as .xlsx without a password, or as CSV, and send that",
    ),
    Signature(b"{\\rtf", "a document in rich text (RTF)"),
    Signature(b"SQLite format 3\0", "an SQLite database", "export the table as CSV, and send that"),
    Signature(b"$FL2@(#)", "an SPSS data file (.sav)"),
    Signature(b"$FL3@(#)", "a compressed SPSS data file (.zsav)"),
    Signature(
        b"<stata_dta>", "a Stata data file (.dta)", "export delimited in Stata, and send that"
    ),
    Signature(b"RDX2\n", "an R workspace (.RData)", _FROM_R),
    Signature(b"RDX3\n", "an R workspace (.RData)", _FROM_R),
    Signature(b"RDA2\n", "an R workspace (.RData)", _FROM_R),
    Signature(b"RDA3\n", "an R workspace (.RData)", _FROM_R),
    Signature(b"X\n\0\0\0", "a serialized R object (.rds)", _FROM_R),
    Signature(b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf", "a SAS data set (.sas7bdat)"),
    Signature(b"HEADER RECORD*******LIB", "a SAS transport file (.xpt)"),
    Signature(
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (.h5, .h5ad, or .mat of MATLAB 7.3)",
        "write its matrix with numpy.save or as CSV, and send that",
    ),
    Signature(
        b"MATLAB 5.0 MAT-file",
        "a MATLAB file (.mat)",
        "write the matrix with writematrix(x, 'x.csv'), and send that",
    ),
    Signature(b"CDF\1", "a NetCDF file"),
    Signature(b"CDF\2", "a NetCDF file"),
    Signature(b"FEA1", "a Feather file of version 1", "write it again with version 2, or as CSV"),
    Signature(b"ORC", "an ORC file", "write the table as Parquet or CSV, and send that"),
    Signature(b"Obj\1", "an Avro file", "write the table as Parquet or CSV, and send that"),
    Signature(b"PARE", "an encrypted Parquet file", "write it without encryption"),
    Signature(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _ARCHIVE),
    Signature(b"Rar!\x1a\7", "a RAR archive", _ARCHIVE),
    Signature(b"ustar", "a tar archive", _ARCHIVE, at=257),
    Signature(b"\x1f\x9d", "a file compressed by compress (.Z)", _ARCHIVE),
    Signature(b"\x04\x22\x4d\x18", "a file compressed by LZ4", _ARCHIVE),
    Signature(b"\x28\xb5\x2f\xfd", "a file compressed by Zstandard", _ARCHIVE),
    Signature(
        b"version https://git-lfs.github.com/spec/",
        "the pointer to a file in Git LFS",
        "fetch the file itself with git lfs pull, and send that",
    ),
)
# Text may begin with these letters, too; in the formats, a zero follows soon.
_LETTERS = (b"ORC", b"FEA1", b"PARE", b"MATLAB", b"CDF", b"Obj", b"II*", b"MM\0", b"GIF8", b"ustar")
# What has no fixed first bytes; the first that matches counts.
_PATTERNS = (
    (rb"[\x69\x6c\x6e-\x73][\x01\x02]\x01\x00", _STATA, _FROM_STATA),  # release, byte order
    (
        rb"\x80[\x02-\x05]",
        "a Python pickle",
        "write the table with DataFrame.to_csv or numpy.save; a pickle can run code",
    ),
    (
        rb"\s*<(!doctype html|html|head|body|table|div)[\s>]",
        "a web page (HTML)",
        "download the file of numbers itself, and send that",
    ),
    (
        rb"\s*<\?xml\s.*urn:schemas-microsoft-com:office:spreadsheet",
        "an Excel workbook in XML of 2003",
        "save it as .xlsx or CSV, and send that",
    ),
    (rb"\s*<(\?xml|svg|!doctype|!--)[\s>]", "an XML document", _AS_CSV),
)
_COMPILED = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), what, remedy)
    for pattern, what, remedy in _PATTERNS
)


def refuse_foreign(body: bytes) -> None:
    """Refuse a body that is a file of a known format without a table that is read.

    Raises:
        InvalidTable: it is one, which the message names.
    """
    found = _identify(body[:_START])
    if found:
        what, remedy = found
        raise InvalidTable("the body must be a table of a known format", got=what, remedy=remedy)


def _identify(start: bytes) -> tuple[str, str] | None:
    for signature in _SIGNATURES:
        if start.startswith(signature.magic, signature.at) and (
            not signature.magic.startswith(_LETTERS) or b"\0" in start
        ):
            return signature.what, signature.remedy
    text = start.removeprefix(b"\xef\xbb\xbf")
    return next(
        ((what, remedy) for pattern, what, remedy in _COMPILED if pattern.match(text)), None
    )
