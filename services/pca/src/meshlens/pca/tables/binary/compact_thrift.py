"""Values of Thrift's compact protocol, in which a Parquet file says what it holds and where.

Format: thrift/doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_DEEPEST = 12  # a footer nests six structures and lists
_LONGEST_VARINT = 10  # bytes
_LONG_LIST = 15  # says that the length follows


class Type(IntEnum):
    """Types of fields and of the elements of lists."""

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


@dataclass(slots=True)
class CompactReader:
    """Reads values from `at` on: IndexError at the end of the data, ValueError if damaged."""

    data: bytes
    at: int

    def read_varint(self) -> int:
        """Return a number without a sign."""
        if self.at < 0:
            raise IndexError("before the data")
        number = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
                return number
        raise ValueError("expected a number of 64 bits")

    def read_number(self) -> int:
        """Return a number with a sign."""
        number = self.read_varint()
        return (number >> 1) ^ -(number & 1)

    def read_fields(self) -> Iterator[tuple[int, int]]:
        """Yield the number and the type of each field; its value must be read before the next."""
        field = 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == Type.STOP:
                return
            field = field + (head >> 4) if head >> 4 else self.read_number()
            yield field, head & 0x0F

    def read_list(self) -> tuple[int, int]:
        """Return how many elements a list has, which must be read next, and their type."""
        head = self.data[self.at]
        self.at += 1
        count = head >> 4
        return (self.read_varint() if count == _LONG_LIST else count), head & 0x0F

    def skip(self, kind: int) -> None:
        """Pass over the value of a field."""
        self._skip(kind, 0)

    def _skip(self, kind: int, depth: int) -> None:
        # Plain numbers, as most of a footer's values are skipped, and a wide table has millions.
        if 4 <= kind <= 6:  # noqa: PLR2004 - Type.I16 to Type.I64
            data, at = self.data, self.at
            while data[at] & 0x80:
                at += 1
            self.at = at + 1
        elif kind == 8:  # noqa: PLR2004 - Type.BINARY
            length = self.read_varint()
            self.at += length
        elif kind in (1, 2):  # Type.TRUE, Type.FALSE
            return
        elif kind == Type.BYTE:
            self.at += 1
        elif kind == Type.DOUBLE:
            self.at += 8
        elif kind == Type.STRUCT and depth < _DEEPEST:
            for _, inner in self.read_fields():
                self._skip(inner, depth + 1)
        elif kind in (Type.LIST, Type.SET) and depth < _DEEPEST:
            self._skip_list(depth)
        else:
            raise ValueError(f"expected a structure of Parquet's, got a value of type {kind}")

    def _skip_list(self, depth: int) -> None:
        count, inner = self.read_list()
        # In a list a truth value takes a byte, in a structure none.
        inner = Type.BYTE if inner in (Type.TRUE, Type.FALSE) else inner
        for _ in range(count):
            self._skip(inner, depth + 1)
            if self.at > len(self.data):
                raise IndexError("behind the data")
