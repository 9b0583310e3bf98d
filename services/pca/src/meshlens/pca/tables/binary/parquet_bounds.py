"""Where the columns of a Parquet file lie and how much memory their pages take, before any is read.

Both are read here: Arrow ends the process, where a footer that it has opened is damaged within
(Arrow 26, `FileMetaData.row_group`), and does not say what pages take.
Format: parquet-format/src/main/thrift/parquet.thrift.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from meshlens.pca.tables.binary.compact_thrift import CompactReader, Type

# The first and the last bytes of a file.
MAGIC = b"PAR1"

_LENGTH = 4  # bytes of a footer's length, before the last magic
# Fields of the structures of the footer and of pages.
_ROW_GROUPS = 4  # FileMetaData
_COLUMNS = 1  # RowGroup
_META_DATA = 3  # ColumnChunk
_NUM_VALUES, _COMPRESSED, _DATA_OFFSET, _DICTIONARY_OFFSET = 5, 7, 9, 11  # ColumnMetaData
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE = 2, 3  # PageHeader


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pages of one column in one group of rows.

    Attributes:
        start: in bytes from the beginning of the file.
        length: in bytes.
    """

    start: int
    length: int


def read_chunks(body: bytes) -> list[Chunk]:
    """Return where the pages of all columns are that hold values.

    Raises:
        ValueError: the footer is damaged.
    """
    end = len(body) - len(MAGIC) - _LENGTH
    length = int.from_bytes(body[max(end, 0) : max(end, 0) + _LENGTH], "little")
    if not body.endswith(MAGIC) or not end - length >= 0:
        raise ValueError("expected a footer in the body")
    reader = CompactReader(body[end - length : end], 0)
    try:
        return [
            chunk
            for _ in _structures(reader, _ROW_GROUPS)
            for _ in _structures(reader, _COLUMNS)
            for _ in _structure(reader, _META_DATA)
            for chunk in _read_chunk(reader)
        ]
    except IndexError:
        raise ValueError("expected a footer, got its end too early") from None


def _structure(reader: CompactReader, wanted: int) -> Iterator[None]:
    """Yield where the structure in a field begins; the caller reads it."""
    for field, kind in reader.read_fields():
        if field == wanted and kind == Type.STRUCT:
            yield
        else:
            reader.skip(kind)


def _structures(reader: CompactReader, wanted: int) -> Iterator[None]:
    """Yield where each structure of the list in a field begins; the caller reads it."""
    for field, kind in reader.read_fields():
        if field != wanted or kind != Type.LIST:
            reader.skip(kind)
            continue
        count, inner = reader.read_list()
        if count and inner != Type.STRUCT:
            raise ValueError(f"expected structures, got values of type {inner}")
        for _ in range(count):
            yield


def _read_chunk(reader: CompactReader) -> list[Chunk]:
    """Return the chunk whose ColumnMetaData is here, none if it holds no values."""
    found: dict[int, int] = {}
    for field, kind in reader.read_fields():
        if kind == Type.I64:
            found[field] = reader.read_number()
        else:
            reader.skip(kind)
    if not found.get(_NUM_VALUES, 1):
        return []
    if _DATA_OFFSET not in found or _COMPRESSED not in found:
        raise ValueError("expected the place and the size of a column's pages")
    start, first = found[_DATA_OFFSET], found.get(_DICTIONARY_OFFSET, 0)
    return [Chunk(first if 0 < first < start else start, found[_COMPRESSED])]


def measure_pages(body: bytes, start: int, length: int, most: int) -> int:
    """Return how many bytes the pages between `start` and `start + length` take decompressed.

    It ends early once they take more than `most`.

    Raises:
        ValueError: a header is damaged, or a page reaches beyond the end.
    """
    end = start + length
    if start < 0 or length < 0 or end > len(body):
        raise ValueError(f"expected pages in the body, got {length} bytes at {start}")
    reader, decoded = CompactReader(body, start), 0
    try:
        while reader.at < end and decoded <= most:
            uncompressed, compressed = _read_page_header(reader)
            decoded += uncompressed
            reader.at += compressed
    except IndexError:
        raise ValueError("expected a page's header, got the end of the file") from None
    if reader.at > end and decoded <= most:
        raise ValueError("expected a page to end where its column ends")
    return decoded


def _read_page_header(reader: CompactReader) -> tuple[int, int]:
    """Return the uncompressed and the compressed size of the page whose header is here."""
    sizes: dict[int, int] = {}
    for field, kind in reader.read_fields():
        if field in (_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE) and kind == Type.I32:
            sizes[field] = reader.read_number()
        else:
            reader.skip(kind)
    if len(sizes) < 2 or min(sizes.values()) < 0:  # noqa: PLR2004 - both sizes are required
        raise ValueError("expected a page's header with two sizes")
    return sizes[_UNCOMPRESSED_SIZE], sizes[_COMPRESSED_SIZE]
