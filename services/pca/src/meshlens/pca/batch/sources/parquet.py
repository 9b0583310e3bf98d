"""Parquet by groups of rows: each column is read once, measured, then decompressed from memory.

Import this module where such input arrives: Arrow takes 40 MB.
"""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from pyarrow import parquet as pq

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.arrow_blocks import reading, sample_schema, split_batch
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, count_block, gather, too_large
from meshlens.pca.tables.binary.arrow_columns import split_schema
from meshlens.pca.tables.binary.parquet_bounds import (
    END,
    find_footer,
    measure_pages,
    read_groups,
)
from meshlens.pca.tables.columns import ReadOptions

_MOST_METADATA = 1 << 20  # bytes of a string, and entries of a list, in the footer
_LARGEST_FOOTER = 1 << 28
_GUESSED = 1 << 16  # bytes that Arrow reads at the end before it knows how long the footer is
_PADDING = 100  # bytes that Arrow reads behind the columns of some old writers


class ParquetReader:
    """A Parquet file, as its footer describes it.

    Raises:
        ValueError: the footer is damaged.
        InvalidTable: some column holds neither numbers nor names.
    """

    written = "Parquet"

    @reading()
    def __init__(self, file: File, options: ReadOptions, limits: Limits) -> None:
        self._limits = limits
        length = find_footer(file.read(max(file.size - END, 0), min(END, file.size)))
        start = file.size - END - length
        if start < 0 or length > _LARGEST_FOOTER:
            raise ValueError(f"expected a footer in the file, got one of {length} bytes")
        above = max(min(start, file.size - _GUESSED), 0)
        end = file.read(above, file.size - above)
        self._groups = read_groups(end[start - above : -END])
        opened = _open(_Loaded(file.size, {above: end}))
        self._metadata, schema = opened.metadata, opened.schema_arrow
        columns = split_schema(schema, options.declared)
        self._names: Sequence[str] = schema.names
        rows = [group.rows for group in self._groups]
        wide = any(len(group.chunks) != len(schema) for group in self._groups)
        if wide or min(rows, default=0) < 0 or sum(rows) != self._metadata.num_rows:
            raise ValueError(
                "expected a footer whose groups of rows have the rows and columns of the file"
            )
        self.sample = sample_schema(columns)

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts: neighbouring groups of rows."""
        del file
        rows = [group.rows for group in self._groups]
        for start, end in gather(rows, columns, self._limits.cells):
            first = sum(rows[:start])
            yield {"groups": [start, end], "rows": [first, first + sum(rows[start:end])]}

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks of a part."""
        names = [self._names[index] for index in columns]
        for number in range(*part["groups"]):
            yield from self._read_group(file, number, names)

    def _read_group(self, file: File, number: int, names: list[str]) -> Iterator[Array]:
        with reading():
            opened = _open(self._load(file, number, names), self._metadata)
            batches = opened.iter_batches(
                batch_size=count_block(len(names)),
                row_groups=[number],
                columns=names,
                use_threads=False,
            )
            done = 0
            for batch in batches:
                done += batch.num_rows
                yield from split_batch(batch, names)
        expected = self._groups[number].rows
        if done != expected:
            raise ValueError(f"expected {expected} rows in group {number + 1}, got {done}")

    def _load(self, file: File, number: int, names: Sequence[str]) -> "_Loaded":
        """Return the bytes of a group's columns, which take no more memory than they may."""
        most, what = self._limits.memory, f"group {number + 1} of rows"
        loaded: dict[int, bytes] = {}
        held = decoded = 0
        # Arrow takes the columns a.b and a.c for those of a as well.
        inner = tuple(f"{name}." for name in names)
        for name, chunk in zip(self._names, self._groups[number].chunks, strict=True):
            if not (name in names or name.startswith(inner)) or not chunk.length:
                continue
            if chunk.start < 0 or chunk.length < 0 or chunk.start + chunk.length > file.size:
                raise ValueError(
                    f"expected pages in the file, got {chunk.length} bytes at {chunk.start}"
                )
            held += chunk.length
            if held > most:
                raise too_large(what, held, most)
            data = file.read(chunk.start, min(chunk.length + _PADDING, file.size - chunk.start))
            decoded += measure_pages(data, 0, chunk.length, most - decoded)
            if decoded > most:
                raise too_large(what, decoded, most)
            loaded[chunk.start] = data
        return _Loaded(file.size, loaded)


def _open(source: "_Loaded", metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.PythonFile(source, mode="r"),
        metadata=metadata,
        pre_buffer=False,
        thrift_string_size_limit=_MOST_METADATA,
        thrift_container_size_limit=_MOST_METADATA,
    )


class _Loaded:
    """A file of which some parts are in memory, as Arrow reads files; it has no others."""

    closed = False

    def __init__(self, size: int, parts: Mapping[int, bytes]) -> None:
        self._size, self._parts, self._at = size, parts, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = min(self._at + count, self._size) if count >= 0 else self._size
        for start, data in self._parts.items():
            if start <= self._at and end <= start + len(data):
                found = data[self._at - start : end - start]
                self._at = end
                return found
        raise ValueError(f"expected pages where the footer says, got {count} bytes at {self._at}")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
