"""A zip archive -> the files within, no larger than a body of that size may hold."""

import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import quote
from meshlens.pca.tables.growth import find_limit, too_large

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")

_PART = 1 << 20  # bytes that are decompressed at once
_LONGEST_MEDIA_TYPE = 100
# Others decompress a whole file at once, whatever its size.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # bit of the flags
# Kinds of documents by a file that only they hold.
_DOCUMENTS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "Index/Document.iwa": "an Apple Numbers document",
}
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
# What macOS and Windows add to archives by themselves.
_ADDED_FOLDER, _ADDED_FILES = "__MACOSX/", (".DS_Store", "Thumbs.db", "desktop.ini")
# What zipfile raises for archives that are damaged or made otherwise than it knows.
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive.

    Attributes:
        name: its path in the archive.
        content: its bytes.
    """

    name: str
    content: bytes


def read_member(body: bytes) -> Member:
    """Return the only file of an archive.

    Raises:
        InvalidTable: the archive is damaged, a document of another kind, holds several files or
            none, or the file is encrypted or larger than such a body may hold.
    """
    members = read_members(body, _is_meant, refuse=_refuse_documents)
    if len(members) != 1:
        raise InvalidTable(
            "a zip archive must hold one file",
            got=quote(members) if members else "none",
            remedy="send the one file of numbers",
        )
    return Member(*members.popitem())


def holds(body: bytes, name: str) -> bool:
    """Return whether an archive has a file called `name`.

    Raises:
        InvalidTable: it is damaged.
    """
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            return name in archive.namelist()
    except _FAULTS as error:
        raise _damaged(error) from None


def read_members(
    body: bytes,
    wanted: Callable[[str], bool],
    *,
    refuse: Callable[[zipfile.ZipFile], None] = lambda _: None,
) -> dict[str, bytes]:
    """Return the wanted files of an archive by their names.

    Args:
        body: the archive.
        wanted: returns whether the file of a name is.
        refuse: raises for an archive that should not be read.

    Raises:
        InvalidTable: it is damaged or encrypted, or holds more than a body of its size may.
    """
    members: dict[str, bytes] = {}
    left = find_limit(len(body))
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            refuse(archive)
            for info in archive.infolist():
                # Python 3.11's is_dir() fails on a file without a name.
                if info.filename.endswith("/") or not wanted(info.filename):
                    continue
                members[info.filename] = _read(archive, info, left, len(body))
                left -= len(members[info.filename])
    except _FAULTS as error:
        raise _damaged(error) from None
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int, size: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise InvalidTable(
            "a file in an archive must be readable without a password",
            got=f"the encrypted {quote([info.filename])}",
            remedy="send the file of numbers itself",
        )
    if info.compress_type not in _BOUNDED:
        raise NotImplementedError(f"compression method {info.compress_type}")
    parts, total = [], 0
    with archive.open(info) as file:
        # The size that the directory says bounds what is returned, not what is decompressed.
        while part := file.read(_PART):
            total += len(part)
            if total > most:
                raise too_large(size, find_limit(size) - most + total)
            parts.append(part)
    return b"".join(parts)


def _is_meant(name: str) -> bool:
    return not (name.startswith(_ADDED_FOLDER) or name.endswith(_ADDED_FILES))


def _refuse_documents(archive: zipfile.ZipFile) -> None:
    members: Mapping[str, zipfile.ZipInfo] = archive.NameToInfo
    what = next((what for name, what in _DOCUMENTS.items() if name in members), "")
    kind = members.get("mimetype")
    if kind and kind.file_size < _LONGEST_MEDIA_TYPE:
        media_type = _read(archive, kind, _LONGEST_MEDIA_TYPE, kind.file_size)
        if media_type.startswith(_OPEN_DOCUMENT + b"spreadsheet"):
            what = "an OpenDocument spreadsheet (.ods)"
        elif media_type.startswith(_OPEN_DOCUMENT):
            what = "an OpenDocument file (.odt, .odp)"
    if what:
        raise InvalidTable(
            "the body must be a table of a known format",
            got=what,
            remedy="save its table as .xlsx or CSV, and send that",
        )


def _damaged(error: Exception) -> InvalidTable:
    return InvalidTable(
        "a body that begins as a zip archive must be one that can be unpacked",
        got=f"{type(error).__name__}: {str(error)[:80]}",
        remedy="send the file of numbers itself",
    )
