"""Where the columns of a Parquet file lie and what their pages hold and take, before any is read.

All that is read here: Arrow ends the process, where a footer that it has opened is damaged within
(Arrow 26, `FileMetaData.row_group`), does not say what pages take, and leaves out in silence what
they hold beyond the rows of the footer.
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
_DATA_PAGES = (5, 8)  # PageHeader: what a data page of the first or the second version holds
_PAGE_VALUES = 1  # DataPageHeader, DataPageHeaderV2


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


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of a column are.

    Attributes:
        decoded: bytes that they take decompressed.
        values: how many they hold, missing ones among them: one for each row, as no column that
            is read is nested.
    """

    decoded: int
    values: int

    def check_rows(self, rows: int, group: int) -> None:
        """Check that they hold as many as the footer says.

        Args:
            rows: of the group, by the footer.
            group: its number, from 0.

        Raises:
            ValueError: they hold more, or fewer.
        """
        if self.values != rows:
            raise ValueError(f"expected {rows} rows in group {group + 1}, got {self.values}")


def read_footer(body: bytes) -> list[Group]:
    """Return the groups of rows of a whole file.

    Raises:
        ValueError: the footer is damaged.
    """
    end = len(body) - END
    length = find_footer(body[max(end, 0) :])
    if not end - length >= 0:
        raise ValueError("expected a footer in the body")
    return read_groups(body[end - length : end])


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


def measure_pages(body: bytes, start: int, length: int, most: int) -> Pages:
    """Return what the pages between `start` and `start + length` are.

    It ends early once they take more than `most` bytes decompressed.

    Raises:
        ValueError: a header is damaged, or a page reaches beyond the end.
    """
    end = start + length
    if start < 0 or length < 0 or end > len(body):
        raise ValueError(f"expected pages in the body, got {length} bytes at {start}")
    reader, decoded, values = CompactReader(body, start), 0, 0
    try:
        while reader.at < end and decoded <= most:
            uncompressed, compressed, held = _read_page_header(reader)
            decoded += uncompressed
            values += held
            reader.at += compressed
    except IndexError:
        raise ValueError("expected a page's header, got the end of the file") from None
    if reader.at > end and decoded <= most:
        raise ValueError("expected a page to end where its column ends")
    return Pages(decoded, values)


def _read_page_header(reader: CompactReader) -> tuple[int, int, int]:
    """Return the uncompressed and the compressed size of the page whose header is here, and values.

    A page of a dictionary has none.
    """
    sizes: dict[int, int] = {}
    values = 0
    for field, kind in reader.read_fields():
        if field in (_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE) and kind == Type.I32:
            sizes[field] = reader.read_number()
        elif field in _DATA_PAGES and kind == Type.STRUCT:
            values = _read_page_values(reader)
        else:
            reader.skip(kind)
    if len(sizes) < 2 or min(sizes.values()) < 0:  # noqa: PLR2004 - both sizes are required
        raise ValueError("expected a page's header with two sizes")
    return sizes[_UNCOMPRESSED_SIZE], sizes[_COMPRESSED_SIZE], values


def _read_page_values(reader: CompactReader) -> int:
    """Return how many values the data page holds whose header is here."""
    values = 0
    for field, kind in reader.read_fields():
        if field == _PAGE_VALUES and kind == Type.I32:
            values = reader.read_number()
        else:
            reader.skip(kind)
    return values
