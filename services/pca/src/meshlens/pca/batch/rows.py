"""The observations of one part, block by block: checked, complete, and in logarithms if chosen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.batch.errors import PartFailed
from meshlens.batch.job import Fields, GoOn
from meshlens.faults import Place
from meshlens.pca.batch.source import Source
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.numbers.scaling import Log, take_log

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Some rows of a part.

    Attributes:
        values: (m, p), m at least 1, finite.
        first: the number of the block's first row, from 1: in its file if the source knows it,
            else in the part.
        kept: (m,), which rows of the block they are; None if no row is left out.
    """

    values: Array
    first: int
    kept: Whole | None

    @property
    def numbers(self) -> Whole:
        """(m,), of their rows."""
        rows = np.arange(len(self.values)) if self.kept is None else self.kept
        return rows + self.first


@dataclass(slots=True)
class Rows:
    """Reads a part.

    Args:
        names: the variables, p of them.
        log: the logarithm to take of every number.
        missing: REFUSE, or DROP to leave out observations with missing numbers.

    Attributes:
        dropped: how many observations have been left out so far.
    """

    names: Sequence[str]
    log: Log
    missing: Missing
    dropped: int = 0

    def read(self, source: Source, part: Fields, go_on: GoOn) -> Iterator[Array]:
        """Yield the observations (m, p), m at least 1, finite.

        Raises:
            PartFailed: a number is missing, infinite, or without a logarithm.
        """
        for observations in self.select(source.read(part), part, go_on):
            yield observations.values

    def select(self, blocks: Iterable[Array], part: Fields, go_on: GoOn) -> Iterator[Observations]:
        """Yield the observations of blocks of a part; blocks without any are passed over.

        Raises:
            PartFailed: as `read`.
        """
        rows = part.get("rows")
        first = 1 if rows is None else int(rows[0]) + 1
        for whole in blocks:
            go_on()
            block, kept = self._complete(whole, first)
            if len(block):
                yield Observations(self._take_log(block, first, kept), first, kept)
            first += len(whole)

    def _complete(self, block: Array, first: int) -> tuple[Array, Whole | None]:
        """Return the rows without missing numbers, and which they are."""
        # A sum is finite only if all its terms are; that it may overflow costs a second look.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):
                return block, None
        if (infinite := np.isinf(block)).any():
            row, column = np.argwhere(infinite)[0].tolist()
            self._refuse("every number must be finite", f"{block[row, column]}", first, row, column)
        missing = np.isnan(block)
        incomplete = missing.any(axis=1)
        count = int(incomplete.sum())
        if not count:
            return block, None
        if self.missing is not Missing.DROP:
            row, column = np.argwhere(missing)[0].tolist()
            got = f"{missing.sum()} missing in {len(block)} rows, the first"
            self._refuse("every cell must hold a number", got, first, row, column)
        self.dropped += count
        kept = np.flatnonzero(~incomplete)
        return block[kept], kept

    def _take_log(self, block: Array, first: int, kept: Whole | None) -> Array:
        def place(row: int, column: int) -> Place:
            return self._place(first, row if kept is None else int(kept[row]), column)

        try:
            return take_log(block, self.log, place)
        except InvalidTable as error:
            raise PartFailed.of(error) from error

    def _refuse(self, expected: str, got: str, first: int, row: int, column: int) -> NoReturn:
        place = self._place(first, row, column)
        raise PartFailed(
            expected,
            got=f"{got} at {place}",
            remedy="complete it, or say missing=drop to leave out such observations"
            if "cell" in expected
            else "correct it, or leave out that variable",
            places=[place],
        )

    def _place(self, first: int, row: int, column: int) -> Place:
        return Place(row=first + row, column=column + 1, field=self.names[column])
