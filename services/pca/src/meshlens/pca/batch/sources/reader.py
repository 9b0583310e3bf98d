"""What each format does for a table in parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import RawTable

_ROWS, _CELLS = 1 << 16, 1 << 21  # of a block, at most


@dataclass(frozen=True, slots=True)
class Limits:
    """How large parts are, and what they may take.

    Attributes:
        cells: numbers of a part, at least, in formats whose rows can be counted at once.
        text: bytes of a part of text, at most.
        start: bytes of the beginning of a text, which decides what its columns are.
        memory: bytes that a group of rows, or a batch, may take when it is read.
        decoded: numbers of a group of rows that is decoded whole, at most; as many as most writers
            make them of, 256 MiB.
    """

    cells: int = 1 << 24
    text: int = 64 << 20
    start: int = 1 << 18
    memory: int = 1 << 30
    decoded: int = 1 << 25


class Reader(Protocol):
    """A file whose beginning or end says what it holds; it is opened again for each part."""

    @property
    def sample(self) -> RawTable:
        """One observation, known or not, that shows which columns there are."""

    @property
    def written(self) -> str:
        """Its format, and how numbers are written: the same in all files of a table."""

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts of a file, of so many variables: what `read` needs, and `rows`.

        Raises:
            ValueError: the file is damaged.
            InvalidTable: it is whole, but cannot be read in parts.
        """

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks (m, p) of a part, nan where a number is missing.

        Args:
            file: the same one.
            part: one of `cut`.
            columns: the positions of the p variables, from 0.

        Raises:
            ValueError: the file is damaged.
            InvalidTable: a part takes more memory than it may, or is no table of numbers.
        """


def count_block(columns: int) -> int:
    """Return how many rows of so many variables are read at once."""
    return max(1, min(_ROWS, _CELLS // max(columns, 1)))


def gather(rows: Sequence[int], columns: int, cells: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of neighbouring groups of rows, each with at least so many cells if it can.

    Args:
        rows: of each group.
        columns: variables of a row.
        cells: at least so many numbers a range, but for the last.
    """
    start = taken = 0
    for at, count in enumerate(rows, start=1):
        taken += count
        if taken * columns >= cells or (at == len(rows) and taken):
            yield start, at
            start, taken = at, 0


def too_large(what: str, taken: int, most: int) -> InvalidTable:
    """Return the fault of a group of rows that takes more memory than it may."""
    return InvalidTable(
        f"{what} may take {most >> 20} MiB of memory",
        got=f"{-(-taken >> 20)} MiB or more",
        remedy="write the file again with fewer rows in each, such as 131,072",
    )
