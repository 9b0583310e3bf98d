"""How much memory Arrow IPC messages take once decompressed, known before anything is.

The sizes are in a message's metadata, a FlatBuffer, and in the first eight bytes of each
compressed buffer. Format: arrow/format/Message.fbs.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from meshlens.flatbuffer import Table

# The first bytes of a file and of a stream.
FILE_MAGIC = b"ARROW1\0\0"
STREAM_MAGIC = b"\xff\xff\xff\xff"

SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3  # members of the union MessageHeader


class _Message(IntEnum):
    """Slots of the table Message."""

    HEADER_TYPE = 1
    HEADER = 2
    BODY_LENGTH = 3


class _DictionaryBatch(IntEnum):
    """Slots of the table DictionaryBatch."""

    DATA = 1


class _RecordBatch(IntEnum):
    """Slots of the table RecordBatch."""

    LENGTH = 0
    BUFFERS = 2
    COMPRESSION = 3


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a message's content.

    Attributes:
        rows: observations in it; none in a dictionary.
        decoded: bytes of its buffers, decompressed.
    """

    rows: int
    decoded: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the metadata of a message say of it.

    Attributes:
        kind: a member of the union MessageHeader, such as RECORD_BATCH.
        body: bytes that follow the metadata.
        rows: observations in it; none in anything but a batch of records.
    """

    kind: int
    body: int
    rows: int


def read_header(metadata: bytes) -> Header:
    """Return what a message is whose body has not been read.

    Raises:
        ValueError: its metadata are damaged.
    """
    message = Table.root(metadata)
    kind, batch = message.number(_Message.HEADER_TYPE, "<B"), message.table(_Message.HEADER)
    body = message.number(_Message.BODY_LENGTH, "<q")
    rows = batch.number(_RecordBatch.LENGTH, "<q") if batch and kind == RECORD_BATCH else 0
    if body < 0 or rows < 0:
        raise ValueError(f"expected a message's sizes, got {body} bytes and {rows} rows")
    return Header(kind, body, rows)


def measure(metadata: bytes, body: memoryview) -> Size:
    """Return the size of a message that has been read but not decompressed.

    Raises:
        ValueError: its metadata are damaged.
    """
    message = Table.root(metadata)
    kind, batch = message.number(_Message.HEADER_TYPE, "<B"), message.table(_Message.HEADER)
    if kind == DICTIONARY_BATCH and batch:
        batch = batch.table(_DictionaryBatch.DATA)
    if kind not in (DICTIONARY_BATCH, RECORD_BATCH) or batch is None:
        return Size(0, 0)
    compressed = batch.table(_RecordBatch.COMPRESSION) is not None
    decoded = 0
    for offset, length in batch.structs(_RecordBatch.BUFFERS, "<qq"):
        if offset < 0 or length < 0:
            # A negative length would let another buffer exceed the limit.
            raise ValueError(f"expected buffers in the body, got {length} bytes at {offset}")
        size = _read_size(body, offset) if compressed and length else -1
        decoded += length if size < 0 else size
    rows = batch.number(_RecordBatch.LENGTH, "<q") if kind == RECORD_BATCH else 0
    return Size(rows, decoded)


def _read_size(body: memoryview, offset: int) -> int:
    """Return the decompressed size of the buffer at `offset`, -1 if it is not compressed."""
    try:
        return int(struct.unpack_from("<q", body, offset)[0])
    except struct.error as error:
        raise ValueError(str(error)) from None
