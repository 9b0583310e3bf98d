"""How much memory Arrow IPC messages take once decompressed, known before anything is.

A message says it in its metadata, a FlatBuffer, and in the first eight bytes of each compressed
buffer. Format: arrow/format/Message.fbs, flatbuffers.dev/internals.
"""

import struct
from dataclasses import dataclass

_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


@dataclass(frozen=True, slots=True)
class Size:
    """What a message holds.

    Attributes:
        rows: observations in it; none in a dictionary.
        decoded: bytes of its buffers, decompressed.
    """

    rows: int
    decoded: int


def measure(metadata: bytes, body: memoryview) -> Size:
    """Return what a message holds that was read, but not decompressed.

    Raises:
        ValueError: its metadata are damaged.
    """
    try:
        message = _Table(metadata, *struct.unpack_from("<I", metadata))
        kind, batch = message.scalar(1, "B"), message.table(2)
        if kind == _DICTIONARY_BATCH and batch:
            batch = batch.table(1)
        if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or batch is None:
            return Size(0, 0)
        compressed = batch.table(3) is not None
        decoded = 0
        for offset, length in batch.structs(2, "<qq"):
            size = struct.unpack_from("<q", body, offset)[0] if compressed and length else -1
            decoded += length if size < 0 else size
        return Size(batch.scalar(0, "q") if kind == _RECORD_BATCH else 0, decoded)
    except struct.error as error:
        raise ValueError(str(error)) from None


class _Table:
    """One table of a FlatBuffer; fields are numbered as in its schema."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._start = start
        self._fields = start - struct.unpack_from("<i", data, start)[0]
        if start < 0 or self._fields < 0:
            raise struct.error("an offset leads out of the metadata")
        (self._size,) = struct.unpack_from("<H", data, self._fields)

    def scalar(self, field: int, kind: str) -> int:
        """Return a number; zero where it is left out."""
        at = self._find(field)
        return int(struct.unpack_from(f"<{kind}", self._data, at)[0]) if at else 0

    def table(self, field: int) -> "_Table | None":
        """Return a table, or None where it is left out."""
        at = self._find(field)
        return _Table(self._data, at + self.scalar(field, "I")) if at else None

    def structs(self, field: int, layout: str) -> list[tuple[int, ...]]:
        """Return the members of a vector."""
        at = self._find(field)
        if not at:
            return []
        at += self.scalar(field, "I")
        (count,) = struct.unpack_from("<I", self._data, at)
        size = struct.calcsize(layout)
        if at + 4 + count * size > len(self._data):
            raise struct.error("a vector is longer than the metadata")
        return [struct.unpack_from(layout, self._data, at + 4 + i * size) for i in range(count)]

    def _find(self, field: int) -> int:
        """Return where a field stands, 0 where it is left out."""
        slot = 4 + 2 * field
        if slot >= self._size:
            return 0
        (offset,) = struct.unpack_from("<H", self._data, self._fields + slot)
        return self._start + int(offset) if offset else 0
