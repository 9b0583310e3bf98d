"""How much memory the pages of a Parquet file take once decompressed, known before any is.

The sizes are in each page's header, a Thrift structure in the compact protocol. Formats:
parquet-format/src/main/thrift/parquet.thrift, thrift/doc/specs/thrift-compact-protocol.md.
"""

from dataclasses import dataclass
from enum import IntEnum

# The first and the last bytes of a file.
MAGIC = b"PAR1"

_DEEPEST = 8
_LONGEST_VARINT = 10  # bytes


class _Type(IntEnum):
    """Types of the compact protocol."""

    STOP = 0
    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12


# Fields of the structure PageHeader.
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE = 2, 3


@dataclass(slots=True)
class _Reader:
    """Reads the compact protocol from `at`; IndexError at the end of the data."""

    data: memoryview
    at: int

    def byte(self) -> int:
        if self.at < 0:
            raise IndexError("before the data")
        byte = self.data[self.at]
        self.at += 1
        return byte

    def varint(self) -> int:
        number = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
                return number
        raise ValueError("expected a number of 64 bits")

    def zigzag(self) -> int:
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value of a type."""
        match kind:
            case _Type.TRUE | _Type.FALSE:
                pass
            case _Type.BYTE:
                self.at += 1
            case _Type.I16 | _Type.I32 | _Type.I64:
                self.varint()
            case _Type.DOUBLE:
                self.at += 8
            case _Type.BINARY:
                length = self.varint()
                self.at += length
            case _Type.STRUCT if depth < _DEEPEST:
                field = 0
                while (head := self.byte()) != _Type.STOP:
                    field = field + (head >> 4) if head >> 4 else self.zigzag()
                    self.skip(head & 0x0F, depth + 1)
            case _:
                # A page's header has no lists, sets or maps.
                raise ValueError(f"expected a page's header, got a value of type {kind}")

    def page_header(self) -> tuple[int, int]:
        """Return the uncompressed and the compressed size of the page whose header is here."""
        sizes: dict[int, int] = {}
        field = 0
        while (head := self.byte()) != _Type.STOP:
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            if field in (_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE) and head & 0x0F == _Type.I32:
                sizes[field] = self.zigzag()
            else:
                self.skip(head & 0x0F)
        if len(sizes) < 2 or min(sizes.values()) < 0:  # noqa: PLR2004 - both sizes are required
            raise ValueError("expected a page's header with two sizes")
        return sizes[_UNCOMPRESSED_SIZE], sizes[_COMPRESSED_SIZE]


def measure_pages(body: bytes, start: int, length: int, most: int) -> int:
    """Return how many bytes the pages between `start` and `start + length` take decompressed.

    It ends early once they take more than `most`.

    Raises:
        ValueError: a header is damaged, or a page reaches beyond the end.
    """
    end = start + length
    if start < 0 or length < 0 or end > len(body):
        raise ValueError(f"expected pages in the body, got {length} bytes at {start}")
    reader, decoded = _Reader(memoryview(body), start), 0
    try:
        while reader.at < end and decoded <= most:
            uncompressed, compressed = reader.page_header()
            decoded += uncompressed
            reader.at += compressed
    except IndexError:
        raise ValueError("expected a page's header, got the end of the file") from None
    if reader.at > end and decoded <= most:
        raise ValueError("expected a page to end where its column ends")
    return decoded
