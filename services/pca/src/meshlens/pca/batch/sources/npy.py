"""NumPy's .npy by ranges of rows; nothing is mapped, as a map of a file that shrinks kills."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, count_block
from meshlens.pca.tables.binary.npy import read_layout
from meshlens.pca.tables.columns import RawTable, ReadOptions

_LONGEST_HEADER = 1 << 17


class NpyReader:
    """An array in a file.

    Raises:
        InvalidTable: it is no .npy, holds no numbers, or less or more than its header says.
    """

    written = ".npy"

    def __init__(self, file: File, options: ReadOptions, limits: Limits) -> None:
        del options
        self._limits = limits
        self._layout = read_layout(file.read(0, min(_LONGEST_HEADER, file.size)))
        if file.size - self._layout.start != self._layout.size:
            raise self._layout.refuse(file.size)
        names = self._layout.names
        p = len(names) or self._layout.shape[1]
        self.sample = RawTable(np.full((1, p), np.nan), range(1, p + 1), names)

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts: ranges of rows."""
        del file
        n = self._layout.shape[0]
        step = max(self._limits.cells // columns, 1)
        for start in range(0, n, step):
            yield {"rows": [start, min(start + step, n)]}

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks of a part."""
        first, last = part["rows"]
        names = self._layout.names
        width = len(names) or self._layout.shape[1]
        # Rows that follow each other are read whole.
        step = count_block(len(columns) if self._layout.fortran else width)
        for start in range(first, last, step):
            rows = self._read_rows(file, start, min(start + step, last), columns)
            # Not around what is yielded, which may be continued or closed by another thread.
            with np.errstate(over="ignore"):  # a long double may become infinite, which is refused
                block = (
                    np.stack([rows[names[at]].astype(np.float64) for at in columns], axis=1)
                    if names
                    else rows.astype(np.float64)
                )
            yield block

    def _read_rows(
        self, file: File, start: int, end: int, columns: Sequence[int]
    ) -> npt.NDArray[Any]:
        layout, dtype = self._layout, self._layout.dtype
        if layout.fortran and not layout.names:
            n = layout.shape[0]
            length = (end - start) * dtype.itemsize
            offsets = [layout.start + (at * n + start) * dtype.itemsize for at in columns]
            return np.stack(
                [np.frombuffer(file.read(at, length), dtype) for at in offsets], axis=0
            ).T
        width = 1 if layout.names else layout.shape[1]
        row = width * dtype.itemsize
        numbers = np.frombuffer(file.read(layout.start + start * row, (end - start) * row), dtype)
        return numbers if layout.names else numbers.reshape(-1, width)[:, [*columns]]
