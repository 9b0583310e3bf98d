"""Bounded reading of unverified FlatBuffers; standard library only.

The flatbuffers library trusts every offset and length in the data. Here each is checked before it
is used, nothing is allocated in proportion to a length that the data merely claim, and every
defect raises a ValueError. Format: flatbuffers.dev/internals.
"""

import struct
from collections.abc import Iterator
from typing import Any, Protocol, Self

_IDENTIFIER = slice(4, 8)
_OFFSET = 4  # bytes of an offset and of the length of a vector


class Bytes(Protocol):
    """Bytes in memory, or an object that reads them from elsewhere on access."""

    def __len__(self) -> int: ...

    def __getitem__(self, where: slice, /) -> bytes: ...


class WrongIdentifier(ValueError):
    """The data are not a FlatBuffer of the expected schema.

    Attributes:
        expected: the four bytes that mark that schema.
        got: the bytes in their place.
    """

    def __init__(self, expected: bytes, got: bytes) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected a flatbuffer marked {expected!r}, got {got!r}")


class Table:
    """One table of a FlatBuffer.

    A slot is the number of a field in the schema of its table, from 0. Layouts are those of
    `struct`; FlatBuffers are little-endian.
    """

    def __init__(self, data: Bytes, start: int) -> None:
        """Read where the fields of the table at `start` are.

        Raises:
            ValueError: it is not within the data.
        """
        self._data = data
        self._start = start
        self._slots = start - self._unpack("<i", start)[0]
        (self._size,) = self._unpack("<H", self._slots)

    @classmethod
    def root(cls, data: Bytes, identifier: bytes = b"") -> Self:
        """Return the root table of `data`, which must carry the four bytes of `identifier`, if any.

        Raises:
            WrongIdentifier: it carries other bytes.
            ValueError: it has no root.
        """
        if identifier and data[_IDENTIFIER] != identifier:
            raise WrongIdentifier(identifier, data[_IDENTIFIER])
        return cls(data, int.from_bytes(data[:_OFFSET], "little"))

    def number(self, slot: int, layout: str) -> int:
        """Return the number in `slot`, 0 if it is not there."""
        at = self._find(slot)
        return int(self._unpack(layout, at)[0]) if at else 0

    def table(self, slot: int) -> Self | None:
        """Return the table in `slot`, None if it is not there."""
        at = self._find(slot)
        return self._follow(at) if at else None

    def tables(self, slot: int, *, most: int) -> list[Self]:
        """Return the vector of tables in `slot`, empty if it is not there.

        Raises:
            ValueError: it has more than `most` elements.
        """
        start, count = self._vector(slot, _OFFSET)
        if count > most:
            raise ValueError(f"expected at most {most} tables in slot {slot}, got {count}")
        return [self._follow(start + _OFFSET * index) for index in range(count)]

    def structs(self, slot: int, layout: str) -> Iterator[tuple[Any, ...]]:
        """Yield the members of the vector of structs in `slot`, none if it is not there."""
        size = struct.calcsize(layout)
        start, count = self._vector(slot, size)
        return struct.iter_unpack(layout, self._data[start : start + count * size])

    def numbers(self, slot: int, layout: str) -> Iterator[Any]:
        """Yield the numbers of the vector in `slot`, none if it is not there."""
        return (number for (number,) in self.structs(slot, layout))

    def content(self, slot: int) -> bytes:
        """Return the vector of bytes in `slot`, empty if it is not there."""
        start, count = self._vector(slot, 1)
        return self._data[start : start + count]

    def text(self, slot: int) -> str:
        """Return the string in `slot`, empty if it is not there."""
        return self.content(slot).decode()

    def _find(self, slot: int) -> int:
        """Return the position of the field in `slot`, 0 if absent."""
        entry = 4 + 2 * slot
        if entry + 2 > self._size:
            return 0
        (offset,) = self._unpack("<H", self._slots + entry)
        return self._start + int(offset) if offset else 0

    def _follow(self, at: int) -> Self:
        """Return the table to which the offset at `at` leads."""
        return type(self)(self._data, at + self._unpack("<I", at)[0])

    def _vector(self, slot: int, size: int) -> tuple[int, int]:
        """Return the position of the first element of the vector in `slot`, and their number."""
        at = self._find(slot)
        if not at:
            return 0, 0
        at += self._unpack("<I", at)[0]
        (count,) = self._unpack("<I", at)
        start = at + _OFFSET
        if start + count * size > len(self._data):
            raise ValueError(
                f"expected a vector within {len(self._data)} bytes, got {count} x {size} at {start}"
            )
        return start, int(count)

    def _unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        # Without the first test, a negative position would be read from the end of the data.
        end = at + struct.calcsize(layout)
        if at < 0 or end > len(self._data):
            raise ValueError(f"expected an offset within {len(self._data)} bytes, got {at}")
        return struct.unpack(layout, self._data[at:end])
