"""The numbers of groups of rows in Parquet: a column is read, measured and decoded, then the next.

So the pages of one column are in memory at a time, and in the processor's cache. Of a group that
is too large to be decoded whole, those of all columns are in memory until it is read.

Import this module where such input arrives: Arrow takes 40 MB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.arrow_blocks import fill
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, count_block, too_large
from meshlens.pca.tables.binary.parquet_bounds import Group, measure_pages

_MOST_METADATA = 1 << 20  # bytes of a string, and entries of a list, in the footer
_PADDING = 100  # bytes that Arrow reads behind the columns of some old writers


class GroupReader:
    """Reads groups of rows of a file, one after the other.

    Args:
        file: the file.
        metadata: its footer.
        columns: the names of the p variables, and which columns of a group Arrow takes for each.
        limits: of what is in memory.
    """

    def __init__(
        self,
        file: File,
        metadata: pq.FileMetaData,
        columns: Mapping[str, Sequence[int]],
        limits: Limits,
    ) -> None:
        self._file, self._columns, self._limits = file, columns, limits
        self._loaded = Loaded(file.size, {})
        self._opened = open_loaded(self._loaded, metadata)
        self._memory = np.empty(0)

    def read(self, number: int, group: Group) -> Iterator[Array]:
        """Yield a group's rows in blocks (m, p), whose memory is used again for the next ones.

        Args:
            number: of the group, from 0.
            group: the same one, as the footer describes it.

        Raises:
            InvalidTable: it takes more memory than it may.
            ValueError: it is damaged, or has other rows than the footer says.
            pa.ArrowException: it is damaged.
        """
        rows, p = group.rows, len(self._columns)
        block, most = count_block(p), self._limits.decoded // p
        # Readers of all columns at a time keep what they have decoded last, so they go in blocks.
        step = max(rows if rows <= most else min(block, most), 1)
        pages = _Pages(self._file, number, group, self._limits.memory)
        columns = [
            self._read_column(pages, name, places, step) for name, places in self._columns.items()
        ]
        for start in range(0, max(rows, 1), step):
            values = self._allot(p, min(step, rows - start))
            for row, column in zip(values, columns, strict=True):
                _fill(row, column, last=start + step >= rows)
            for at in range(0, values.shape[1], block):
                yield values[:, at : at + block].T

    def _read_column(
        self, pages: "_Pages", name: str, places: Sequence[int], step: int
    ) -> Iterator[pa.Array]:
        """Yield a variable's numbers, in pieces whose ends are those of steps."""
        self._loaded.parts = {}  # frees the last ones first
        self._loaded.parts = pages.load(places)
        batches = self._opened.iter_batches(
            batch_size=step, row_groups=[pages.number], columns=[name], use_threads=False
        )
        done, rows = 0, pages.group.rows
        for batch in batches:
            done += batch.num_rows
            if done > rows:
                break
            # Reading does not check offsets; a bad one may point anywhere.
            batch.validate(full=True)
            yield batch.column(name)
        if done != rows:
            raise ValueError(f"expected {rows} rows in group {pages.number + 1}, got {done}")

    def _allot(self, p: int, rows: int) -> Array:
        """Return memory (p, rows), the same one again."""
        if self._memory.size < p * rows:
            self._memory = np.empty(p * rows)
        return self._memory[: p * rows].reshape(p, rows)


def _fill(row: Array, column: Iterator[pa.Array], *, last: bool) -> None:
    """Fill a row with the next numbers of a column.

    Args:
        row: (m,).
        column: of which m numbers are left, or more.
        last: none is left then, and the column is read to its end, which frees its pages.
    """
    at = 0
    for numbers in column:
        fill(row[at : at + len(numbers)], numbers)
        at += len(numbers)
        if at == len(row) and not last:
            return


@dataclass(slots=True)
class _Pages:
    """The pages of a group, which take no more memory than they may.

    Attributes:
        file: where they are.
        number: of the group, from 0.
        group: as the footer describes it.
        most: bytes that they may take, as they are or decompressed.
        held: bytes that those loaded so far have taken as they are.
        decoded: and decompressed.
    """

    file: File
    number: int
    group: Group
    most: int
    held: int = 0
    decoded: int = 0

    def load(self, places: Sequence[int]) -> dict[int, bytes]:
        """Return the bytes of columns, by where in the file they begin.

        Raises:
            InvalidTable: they take more memory than they may.
            ValueError: they are damaged, or hold other rows than the footer says.
        """
        loaded, size, what = {}, self.file.size, f"group {self.number + 1} of rows"
        for chunk in (self.group.chunks[place] for place in places):
            start, length = chunk.start, chunk.length
            if not length:
                continue
            if start < 0 or length < 0 or start + length > size:
                raise ValueError(f"expected pages in the file, got {length} bytes at {start}")
            self.held += length
            if self.held > self.most:
                raise too_large(what, self.held, self.most)
            data = self.file.read(start, min(length + _PADDING, size - start))
            pages = measure_pages(data, 0, length, self.most - self.decoded)
            self.decoded += pages.decoded
            if self.decoded > self.most:
                raise too_large(what, self.decoded, self.most)
            pages.check_rows(self.group.rows, self.number)
            loaded[start] = data
        return loaded


def open_loaded(source: "Loaded", metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """Open what is in memory of a file."""
    return pq.ParquetFile(
        pa.PythonFile(source, mode="r"),
        metadata=metadata,
        pre_buffer=False,
        thrift_string_size_limit=_MOST_METADATA,
        thrift_container_size_limit=_MOST_METADATA,
    )


class Loaded:
    """A file of which some parts are in memory, as Arrow reads files; it has no others.

    Attributes:
        parts: the bytes, by where they begin. Arrow keeps what it has read of them.
    """

    closed = False

    def __init__(self, size: int, parts: Mapping[int, bytes]) -> None:
        self.parts = parts
        self._size, self._at = size, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def read(self, count: int = -1) -> memoryview:
        """Return the bytes that follow, which are not copied.

        Raises:
            ValueError: they are not in memory.
        """
        end = min(self._at + count, self._size) if count >= 0 else self._size
        for start, data in self.parts.items():
            if start <= self._at and end <= start + len(data):
                found = memoryview(data)[self._at - start : end - start]
                self._at = end
                return found
        raise ValueError(f"expected pages where the footer says, got {count} bytes at {self._at}")

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def writable(self) -> bool:
        """Return that it is not."""
        return False

    def close(self) -> None:
        """Close it, which nothing depends on."""
        self.closed = True
