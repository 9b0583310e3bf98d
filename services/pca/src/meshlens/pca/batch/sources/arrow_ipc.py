"""Arrow IPC, streams and files, by batches of records; the footer of a file is not trusted.

Import this module where such input arrives: Arrow takes 40 MB.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.arrow_blocks import reading, sample_schema, split_batch
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, gather, too_large
from meshlens.pca.tables.binary.arrow_bounds import (
    DICTIONARY_BATCH,
    FILE_MAGIC,
    RECORD_BATCH,
    SCHEMA,
    measure,
    read_header,
)
from meshlens.pca.tables.binary.arrow_columns import split_schema
from meshlens.pca.tables.columns import ReadOptions

_CONTINUED = b"\xff\xff\xff\xff"
_WORD = 4
_LARGEST_METADATA = 1 << 26


@dataclass(frozen=True, slots=True)
class _Message:
    """A message in a file.

    Attributes:
        kind: as in its header.
        start: where it begins.
        metadata: where its metadata begin.
        body: where its body begins.
        end: where it ends.
        rows: observations in it.
    """

    kind: int
    start: int
    metadata: int
    body: int
    end: int
    rows: int


class ArrowReader:
    """A stream or a file of record batches.

    Raises:
        ValueError: its messages are damaged.
        InvalidTable: some column holds neither numbers nor names.
    """

    written = "Arrow"

    @reading()
    def __init__(self, file: File, options: ReadOptions, limits: Limits) -> None:
        self._limits = limits
        is_file = file.read(0, min(len(FILE_MAGIC), file.size)) == FILE_MAGIC
        messages = [*_walk(file, len(FILE_MAGIC) if is_file else 0)]
        if not messages or messages[0].kind != SCHEMA:
            raise ValueError("expected a schema at the beginning")
        self._schema = file.read(messages[0].start, messages[0].end - messages[0].start)
        with pa.ipc.open_stream(self._schema) as reader:
            schema = reader.schema
        columns = split_schema(schema, options.declared)
        self._names: Sequence[str] = schema.names
        # Arrow reads all dictionaries before a batch, whether its columns are read or not.
        coded = any(pa.types.is_dictionary(field.type) for field in schema)
        self._dictionaries = [
            message for message in messages if coded and message.kind == DICTIONARY_BATCH
        ]
        self._batches = [message for message in messages if message.kind == RECORD_BATCH]
        self.sample = sample_schema(columns)

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts: neighbouring batches."""
        del file
        rows = [message.rows for message in self._batches]
        for start, end in gather(rows, columns, self._limits.cells):
            first = sum(rows[:start])
            yield {"batches": [start, end], "rows": [first, first + sum(rows[start:end])]}

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks of a part."""
        names = [self._names[index] for index in columns]
        options = pa.ipc.IpcReadOptions(included_fields=sorted(columns), use_threads=False)
        for number in range(*part["batches"]):
            message = self._batches[number]
            before = [each for each in self._dictionaries if each.start < message.start]
            what = f"batch {number + 1}"
            whole = [self._schema, *self._load(file, [*before, message], what)]
            with reading(), pa.ipc.open_stream(b"".join(whole), options=options) as reader:
                batch = reader.read_next_batch()
                if batch.num_rows != message.rows:
                    raise ValueError(
                        f"expected {message.rows} rows in {what}, got {batch.num_rows}"
                    )
                yield from split_batch(batch, names)

    def _load(self, file: File, messages: Sequence[_Message], what: str) -> Iterator[bytes]:
        """Yield messages that take no more memory than they may, all together."""
        most, taken = self._limits.memory, 0
        for message in messages:
            taken += message.end - message.start
            if taken > most:
                raise too_large(what, taken, most)
            data = file.read(message.start, message.end - message.start)
            body = memoryview(data)[message.body - message.start :]
            metadata = data[message.metadata - message.start : message.body - message.start]
            decoded = max(measure(metadata, body).decoded, 8 * len(self._names) * message.rows)
            if decoded > most:
                raise too_large(what, decoded, most)
            yield data


def _walk(file: File, at: int) -> Iterator[_Message]:
    """Yield the messages of a stream that begins here, until it says that it ends.

    Raises:
        ValueError: it ends within a message.
    """
    while at + _WORD <= file.size:
        start = at
        word = file.read(at, _WORD)
        at += _WORD
        if word == _CONTINUED:
            if at + _WORD > file.size:
                break
            word = file.read(at, _WORD)
            at += _WORD
        (length,) = struct.unpack("<i", word)
        if not length:
            return
        if not 0 < length <= _LARGEST_METADATA or at + length > file.size:
            raise ValueError(f"expected metadata of a message, got {length} bytes at {at}")
        header = read_header(file.read(at, length))
        end = at + length + header.body
        if end > file.size:
            raise ValueError(f"expected a message of {end - start} bytes at {start}, got the end")
        yield _Message(header.kind, start, at, at + length, end, header.rows)
        at = end
    if at != file.size:
        raise ValueError(f"expected a message at {at}, got the end of the file")
