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
END = _LENGTH + len(MAGIC)
# Fields of the structures of the footer and of pages.
_ROW_GROUPS = 4  # FileMetaData
_COLUMNS, _NUM_ROWS = 1, 3  # RowGroup
_META_DATA = 3  # ColumnChunk
_NUM_VALUES, _COMPRESSED, _DATA_OFFSET, _DICTIONARY_OFFSET = 5, 7, 9, 11  # ColumnMetaData
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE = 2, 3  # PageHeader


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pages of one column in one group of rows.

    Attributes:
        start: in bytes from the beginning of the file.
        length: in bytes; 0 if they hold no values.
    """

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Group:
    """One group of rows.

    Attributes:
        rows: how many it has, as the footer says.
        chunks: of its columns, in the order of the schema.
    """

    rows: int
    chunks: tuple[Chunk, ...]


def read_chunks(body: bytes) -> list[Chunk]:
    """Return where the pages of all columns are that hold values.

    Raises:
        ValueError: the footer is damaged.
    """
    end = len(body) - END
    length = find_footer(body[max(end, 0) :])
    if not end - length >= 0:
        raise ValueError("expected a footer in the body")
    groups = read_groups(body[end - length : end])
    return [chunk for group in groups for chunk in group.chunks if chunk.length]


def find_footer(end: bytes) -> int:
    """Return how long the footer is that stands before the last `END` bytes of a file.

    Raises:
        ValueError: these are not the end of a Parquet file.
    """
    if len(end) != END or not end.endswith(MAGIC):
        raise ValueError("expected a footer in the body")
    return int.from_bytes(end[:_LENGTH], "little")


def read_groups(footer: bytes) -> list[Group]:
    """Return the groups of rows that a footer describes.

    Raises:
        ValueError: it is damaged.
    """
    reader = CompactReader(footer, 0)
    try:
        return [_read_group(reader) for _ in _structures(reader, _ROW_GROUPS)]
    except IndexError:
        raise ValueError("expected a footer, got its end too early") from None


def _read_group(reader: CompactReader) -> Group:
    chunks: list[Chunk] = []
    rows = 0
    for field, kind in reader.read_fields():
        if field == _COLUMNS and kind == Type.LIST:
            for _ in _elements(reader):
                chunks += [_read_chunk(reader) for _ in _structure(reader, _META_DATA)]
        elif field == _NUM_ROWS and kind == Type.I64:
            rows = reader.read_number()
        else:
            reader.skip(kind)
    return Group(rows, tuple(chunks))


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
        if field == wanted and kind == Type.LIST:
            yield from _elements(reader)
        else:
            reader.skip(kind)


def _elements(reader: CompactReader) -> Iterator[None]:
    """Yield where each structure of the list that is here begins; the caller reads it."""
    count, inner = reader.read_list()
    if count and inner != Type.STRUCT:
        raise ValueError(f"expected structures, got values of type {inner}")
    for _ in range(count):
        yield


def _read_chunk(reader: CompactReader) -> Chunk:
    """Return the chunk whose ColumnMetaData is here."""
    found: dict[int, int] = {}
    for field, kind in reader.read_fields():
        if kind == Type.I64:
            found[field] = reader.read_number()
        else:
            reader.skip(kind)
    if not found.get(_NUM_VALUES, 1):
        return Chunk(0, 0)
    if _DATA_OFFSET not in found or _COMPRESSED not in found:
        raise ValueError("expected the place and the size of a column's pages")
    start, first = found[_DATA_OFFSET], found.get(_DICTIONARY_OFFSET, 0)
    return Chunk(first if 0 < first < start else start, found[_COMPRESSED])


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
