"""Whether the first row of a table names its columns, where names may be numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from meshlens.pca.tables.cells import dissect, is_infinite, is_missing, is_plain, looks_numeric
from meshlens.pca.tables.notation import Notation

_FEW = 3  # with fewer numbers or rows, nothing is said by their order or their spread
_MANY = 6  # numbers are in order by chance once in hundreds of tables
_MOST = 0.9
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = """
sample samples id name names label labels case no nr country state city region county species group
class type date time year day subject patient gene variable wavelength wavenumber observation obs
row item site station plot index key code strain cell model
"""
_TITLES = frozenset(_WORDS.split())


class Verdict(Enum):
    """What the first row is."""

    NAMES = auto()
    DATA = auto()
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class FirstRow:
    """The first row and those below it, all of one width.

    Attributes:
        cells: of the first row.
        rows: some of those below it.
        quoted: whether quotes enclose each of its numbers, and none of theirs.
    """

    cells: Sequence[str]
    rows: Sequence[Sequence[str]]
    quoted: bool = False

    def judge(self) -> tuple[Verdict, str]:
        """Return whether it names the columns, and a note on what speaks against that."""
        cells = [cell.strip() for cell in self.cells]
        kinds = [_is_number(cell) for cell in cells]
        numbers = [cell for cell, number in zip(cells, kinds, strict=True) if number]
        words = not all(
            number or is_missing(cell) for cell, number in zip(cells, kinds, strict=True)
        )
        if not numbers:
            return (Verdict.NAMES if words or _are_blank(cells) else Verdict.DATA), ""
        if words and all(map(is_infinite, numbers)):
            return Verdict.NAMES, ""
        if not self.rows:
            return Verdict.DATA, ""
        if self.quoted:
            return Verdict.NAMES, ""
        columns = [_Column(cell, column) for cell, column in self._columns()]
        numeric = [
            column for column in columns if column.share >= _MOST and column.number is not None
        ]
        if not numeric:
            return Verdict.DATA, ""
        return self._weigh(columns, numeric)

    def _columns(self) -> list[tuple[str, list[str]]]:
        rows = [row for row in self.rows if len(row) == len(self.cells)]
        return [
            (cell.strip(), [row[index].strip() for row in rows])
            for index, cell in enumerate(self.cells)
        ]

    def _weigh(
        self, columns: "Sequence[_Column]", numeric: "Sequence[_Column]"
    ) -> tuple[Verdict, str]:
        count = len(numeric)
        numbers = [column.number for column in numeric if column.number is not None]
        ordered = count >= _FEW and _is_ordered(numbers)
        even = ordered and _is_even(numbers) and not self._are_even(numeric)
        whole = all(column.is_whole for column in numeric) and all(
            column.is_fractional for column in numeric
        )
        outside = sum(column.is_outside for column in numeric) / count
        word = _word_evidence(columns)
        strange = any(column.is_word and column.share == 1 for column in columns)
        # Numbers of the kind of those below are in order by chance where there are few of them.
        enough = count >= _MANY or len(self.rows) >= _FEW
        signs = (
            even and whole,
            even and outside > 0 and (enough or all(column.is_whole for column in numeric)),
            ordered and whole and outside > 1 / 2,
            ordered and outside == 1 and enough and (count >= _MANY or _are_beyond(numeric)),
        )
        if (any(signs) and outside >= 1 / 2) or (word and (even or whole or outside >= 1 / 2)):
            return Verdict.NAMES, ""
        far = outside == 1 and len(columns) > 1
        far = far or (whole and (outside > 1 / 2 or (count == 1 and len(self.rows) >= _FEW)))
        if strange or word or far or (ordered and (whole or (even and _are_years(numbers)))):
            return Verdict.UNCLEAR, ""
        doubtful = even or (whole and count >= _FEW)
        return Verdict.DATA, _NOTE if doubtful else ""

    def _are_even(self, numeric: "Sequence[_Column]") -> bool:
        """Return whether rows below are evenly increasing, too, so that it is no sign."""
        rows = list(zip(*(column.numbers for column in numeric), strict=True))
        return 2 * sum(_is_ordered(row) and _is_even(row) for row in rows) > len(rows)


_NOTE = "row 1 was read as an observation; say header=true if its numbers are names of columns"


class _Column:
    """A cell of the first row, and the cells below it."""

    def __init__(self, cell: str, below: Sequence[str]) -> None:
        self.cell = cell
        self.below = below
        mark = _find_mark([cell, *below])
        notation = Notation(mark)
        self.number = _parse(notation, cell)
        parsed = [_parse(notation, other) for other in below]
        present = [other for other in below if not is_missing(other)]
        self.numbers = [float("nan") if number is None else number for number in parsed]
        self.known = [number for number in parsed if number is not None]
        self.share = len(self.known) / len(present) if present else 0.0
        self.is_word = not (self.number is not None or is_missing(cell) or looks_numeric(cell))
        self.is_whole = cell.isdecimal()
        # With a decimal mark, or with a unit or a currency.
        fractional = sum(mark in other or not is_plain(other) for other in present)
        self.is_fractional = bool(present) and fractional >= _MOST * len(present)

    @property
    def is_outside(self) -> bool:
        """Whether the number of the first row is far from all those below it."""
        if self.number is None or not self.known:
            return False
        low, high = min(self.known), max(self.known)
        largest = max(abs(low), abs(high))
        if len(self.known) < _FEW:
            return abs(self.number) > 10 * largest > 0
        if high == low:
            return False  # of which nothing is known, as of a column of zeros
        margin = 3 * (high - low)
        return self.number > high + margin or self.number < low - margin


def _parse(notation: Notation, cell: str) -> float | None:
    number = None if is_missing(cell) or is_infinite(cell) else notation.parse(cell)
    if number is None and (numeral := dissect(cell)) is not None:
        return numeral.number(notation.mark)
    return number


def _find_mark(cells: Sequence[str]) -> str:
    return (
        ","
        if any("," in cell for cell in cells) and not any("." in cell for cell in cells)
        else "."
    )


def _is_number(cell: str) -> bool:
    return not is_missing(cell) and (is_plain(cell) or dissect(cell) is not None)


def _are_blank(cells: Sequence[str]) -> bool:
    return all(not cell for cell in cells)


def _is_ordered(numbers: Sequence[float]) -> bool:
    steps = [after - before for before, after in pairwise(numbers)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _is_even(numbers: Sequence[float]) -> bool:
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0.0
    return all(
        abs(after - before - step) <= 1e-6 * abs(step) for before, after in pairwise(numbers)
    )


def _are_beyond(columns: Sequence[_Column]) -> bool:
    """Return whether all numbers of the first row are far larger than all below them."""
    below = max(abs(number) for column in columns for number in column.known)
    return all(abs(column.number or 0.0) > 10 * below for column in columns)


def _are_years(numbers: Sequence[float]) -> bool:
    return all(1800 <= number <= 2100 for number in numbers)  # noqa: PLR2004 - years that tables have


def _word_evidence(columns: Sequence[_Column]) -> bool:
    """Return whether a cell above names is no name like them: `sample` above a1, a2."""
    for column in columns:
        names = [cell for cell in column.below if cell]
        if column.number is not None or not names or column.share > 0:
            continue
        if not column.cell or column.cell.casefold() in _TITLES:
            return True
        if len({*names}) * 2 <= len(names) and column.cell not in names:
            return True
        forms = {_LETTERS.sub("a", re.sub(r"\d+", "9", name)) for name in names}
        form = _LETTERS.sub("a", re.sub(r"\d+", "9", column.cell))
        if len(names) >= _FEW and len(forms) == 1 and form not in forms:
            return True
    return False
