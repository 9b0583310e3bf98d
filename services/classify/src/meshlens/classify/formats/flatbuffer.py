"""Bounds-checked reading of unverified flatbuffers.

The flatbuffers library reads tables but trusts every offset and length in them. Here a length
is checked before it is used, and every defect raises the same exception.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
from flatbuffers.table import (
    Table as RawTable,
)
from meshlens.classify.errors import InvalidModel
from numpy.typing import NDArray

_OFFSET = struct.Struct("<I")
_IDENTIFIER = slice(4, 8)
_REMEDY = "the file is damaged: export or copy it again"


class Table:
    """One table: its fields by slot, which is the field's number in the schema."""

    def __init__(self, data: bytes, position: int) -> None:
        self._raw = RawTable(data, position)
        self._data = data

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> Self:
        """Return the root table of `data`, which must carry the four bytes of `identifier`."""
        if data[_IDENTIFIER] != identifier:
            raise InvalidModel(
                f"expected a flatbuffer marked {identifier!r}",
                got=repr(data[_IDENTIFIER]),
                remedy="is this file complete, and of that type?",
            )
        return cls(data, _OFFSET.unpack_from(data)[0])

    def table(self, slot: int) -> Self | None:
        """Return the table in `slot`, None if absent."""
        offset = self._offset(slot)
        return (
            type(self)(self._data, self._raw.Indirect(self._raw.Pos + offset)) if offset else None
        )

    def tables(self, slot: int, *, most: int) -> list[Self]:
        """Return the vector of tables in `slot`.

        Raises:
            InvalidModel: it has more than `most` elements.
        """
        start, length = self._vector(slot, 4)
        if length > most:
            raise InvalidModel(
                f"expected at most {most} tables in slot {slot}", got=f"{length}", remedy=_REMEDY
            )
        return [
            type(self)(self._data, self._raw.Indirect(start + 4 * index)) for index in range(length)
        ]

    def number(self, slot: int, dtype: str) -> int:
        """Return the number in `slot`, 0 if absent."""
        offset = self._offset(slot)
        if not offset:
            return 0
        return int(np.frombuffer(self._data, dtype, 1, self._raw.Pos + offset)[0])

    def numbers(self, slot: int, dtype: str) -> NDArray[np.generic]:
        """Return the vector of numbers in `slot`: a view, empty if absent."""
        wanted = np.dtype(dtype)
        start, length = self._vector(slot, wanted.itemsize)
        return np.frombuffer(self._data, wanted, length, start)

    def text(self, slot: int) -> str:
        """Return the string in `slot`, empty if absent."""
        return self.numbers(slot, "u1").tobytes().decode()

    def _offset(self, slot: int) -> int:
        return int(self._raw.Offset(4 + 2 * slot))

    def _vector(self, slot: int, width: int) -> tuple[int, int]:
        """Return where the vector in `slot` starts and how many elements it has."""
        offset = self._offset(slot)
        if not offset:
            return 0, 0
        start, length = int(self._raw.Vector(offset)), int(self._raw.VectorLen(offset))
        if start + length * width > len(self._data):
            raise InvalidModel(
                f"expected a vector within {len(self._data)} bytes",
                got=f"{length} x {width} at {start}",
                remedy=_REMEDY,
            )
        return start, length


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise InvalidModel for whatever the reader raises on a damaged `what`."""
    try:
        yield
    except (struct.error, LookupError, TypeError, ValueError, OverflowError) as error:
        raise InvalidModel(f"{what} is damaged: {error}", remedy=_REMEDY) from error
