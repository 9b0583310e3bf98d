"""What jobs read: observations in parts that the data itself cuts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.batch.job import Fields
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.intp]


class Source(Protocol):
    """Observations of variables that need not fit into memory.

    Its parts follow from the data alone: row groups, ranges of lines, files. Several threads may
    read parts at the same time.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The numeric variables, p of them: as planned, or as the opener was told."""

    @property
    def reading(self) -> Reading:
        """How it is read, once `plan` has returned; rows are not listed, as they may be many."""

    def identify(self) -> Fields:
        """Return what the input is now: files with their sizes and times of change, or tags.

        Raises:
            Fault: there is no such input, or it is none of a known kind.
        """

    def plan(self) -> Sequence[Fields]:
        """Return the parts, at least one, whose files have the same variables.

        A part holds all that `read` needs besides the names, and what it takes to see that its
        file has not changed: {"file": ..., "groups": [0, 4], "rows": [0, 1048576]}. `rows`, if it
        is known, counts the rows of the file from 0, the last one not included.

        Raises:
            Fault: files cannot be read, or differ in their variables.
        """

    def locate(self, part: Fields) -> str:
        """Return where a part is, for people: "table.parquet, rows 1 to 1,048,576"."""

    def read(self, part: Fields) -> Iterator[Array]:
        """Yield the part's rows in order, in blocks (m, p), m at least 1, of any layout.

        The layout is what comes cheapest: each column contiguous, from Arrow and Parquet.
        A missing number is nan. A block may be changed, or its memory used again, by either side
        once the next one is asked for.

        Raises:
            PartFailed: it cannot be read, however often it is tried.
            InputChanged: its file is no longer what the plan has seen.
        """


@dataclass(frozen=True, slots=True, eq=False)
class GroupedBlock:
    """Rows with the group of each.

    Attributes:
        values: (m, p), as `Source.read` yields them.
        codes: (m,), the index of each row's group in `labels`; -1 where it is missing.
        labels: the groups of this block, in any order.
    """

    values: Array
    codes: Codes
    labels: Sequence[str]


class GroupedSource(Source, Protocol):
    """A source that can read a further column, by which the observations are grouped."""

    def read_groups(self, part: Fields, column: str) -> Iterator[GroupedBlock]:
        """Yield the blocks of `read`, with the cells of another column as text.

        Raises:
            PartFailed: as `read`, or there is no such column.
            InputChanged: as `read`.
        """


class Opener(Protocol):
    """Opens a source: a module's function, so that every worker can."""

    def __call__(self, given: Fields, names: Sequence[str] = ()) -> Source:
        """Return the source that `given` describes, such as {"files": [...]}.

        Args:
            given: where the data is and how to read it; goes into the job as it is.
            names: the variables to read, in this order, once a plan has found them.
        """
