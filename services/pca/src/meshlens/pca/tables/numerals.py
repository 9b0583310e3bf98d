"""Which numbers a column of text holds: decided on all of its cells, read in one way.

A column is surveyed by the shapes of its cells, in which every digit is a 9, so that a million
cells are a few dozen shapes. What then has two readings is a Doubt, never a guess.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from meshlens.pca.tables.cells import (
    MISSING,
    Numeral,
    dissect,
    is_missing,
    is_plain,
    looks_numeric,
    may_be_unit,
)

_ZERO = "\ue000"  # stands for the 0 of 0,123, which no separator of thousands may follow
_END = "\x1f"
# Where a cell holds them itself, others stand for them that mean as little.
_OWN_MARKS = str.maketrans({_ZERO: "\ue001", _END: "\x1e"})
_DIGITS = str.maketrans("0123456789", "9999999999")
_LEADING_ZERO = re.compile(r"(?<![\d.,])0(?=[.,]\d|[xXbBoO])")
_THOUSAND = 4  # digits
_FEW = 8  # shapes of a column, whose summary is kept for the next such column


class Kind(Enum):
    """What a column holds."""

    NUMBERS = auto()
    NAMES = auto()
    EMPTY = auto()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A column that has more than one reading.

    Attributes:
        expected, remedy: for the message.
        concerns: whether a cell is one of those in doubt; the first of them is shown.
    """

    expected: str
    remedy: str
    concerns: Callable[[str], bool]


@dataclass(slots=True)
class Survey:
    """What the cells of a column are, gathered block by block."""

    shapes: Counter[str] = field(default_factory=Counter)

    def add(self, cells: Sequence[str]) -> None:
        """Take more cells into account."""
        joined = _END.join(cells)
        if _ZERO in joined or joined.count(_END) >= len(cells):
            joined = _END.join(cell.translate(_OWN_MARKS) for cell in cells)
        joined = _LEADING_ZERO.sub(_ZERO, joined).translate(_DIGITS)
        self.shapes.update(joined.split(_END))

    def summarize(self, missing: Iterable[str] = ()) -> "Summary":
        """Return what has been found; `missing` are further spellings of a missing number."""
        extra = frozenset(mark.translate(_DIGITS) for mark in missing)
        if len(self.shapes) <= _FEW:
            # Of 100,000 columns most have the same few shapes.
            return _summarize_few(frozenset(self.shapes.items()), extra)
        return _summarize(self.shapes.items(), extra)


@dataclass(slots=True)
class Summary:
    """How many cells of a column are what.

    Attributes:
        numbers: numbers, by what stands before or behind them.
        clear: numbers that can be read with one decimal mark only, by that mark.
        vague: numbers such as 1,234, by the mark that is decimal or separates thousands.
        small, large: whole numbers without a mark, of up to three digits and of more.
        grouped: numbers with separators of thousands, where . or , is the decimal mark.
        odd: what looks like a number but is none that is read, such as 1/2.
        names: everything else.
        dressed: numbers that are written as people do, not programs.
        bracketed: numbers in parentheses.
        notable: whether a unit may be one.
    """

    numbers: Counter[str] = field(default_factory=Counter)
    clear: Counter[str] = field(default_factory=Counter)
    vague: Counter[str] = field(default_factory=Counter)
    grouped: Counter[str] = field(default_factory=Counter)
    small: int = 0
    large: int = 0
    odd: int = 0
    names: int = 0
    dressed: int = 0
    bracketed: int = 0
    notable: bool = True

    def count(self, shape: str, count: int, missing: Iterable[str] = ()) -> None:
        """Count the cells of a shape."""
        bare = shape.strip()
        if is_missing(bare) or bare in _MISSING_SHAPES or bare in missing:
            return
        numeral = dissect(bare)
        if numeral is None:
            if is_plain(bare):
                self.numbers[""] += count
            elif looks_numeric(bare):
                self.odd += count
            else:
                self.names += count
            return
        self.numbers[numeral.unit] += count
        self.dressed += count * (not is_plain(bare.replace(",", ".")))
        self.bracketed += count * bare.startswith("(")
        self.notable = self.notable and may_be_unit(numeral)
        self._count_marks(numeral, count)

    def _count_marks(self, numeral: Numeral, count: int) -> None:
        marks = {*numeral.digits} - {*"0123456789"}
        if len(numeral.marks) == 1:
            self.clear[numeral.marks] += count
        elif marks & {".", ","}:
            self.vague[min(marks & {".", ","})] += count
        elif not marks and len(numeral.digits) < _THOUSAND:
            self.small += count
        elif not marks:
            self.large += count
        for mark in numeral.marks:
            self.grouped[mark] += count * bool(marks - {mark})


def _summarize(shapes: Iterable[tuple[str, int]], missing: frozenset[str]) -> Summary:
    summary = Summary()
    for shape, count in shapes:
        summary.count(shape.replace(_ZERO, "0"), count, missing)
    return summary


# Who gets a summary never changes it.
_summarize_few = lru_cache(maxsize=4096)(_summarize)

_MISSING_SHAPES = frozenset(mark.translate(_DIGITS) for mark in MISSING)


def find_kind(summary: Summary, *, named_first: bool = False) -> Kind | Doubt:
    """Return what a column holds.

    Args:
        summary: of all of its cells.
        named_first: whether the first rows hold names only, so that a number is the fault.
    """
    total = summary.numbers.total()
    if not total:
        if not summary.odd and not summary.names:
            return Kind.EMPTY
        return _doubt_odd() if summary.odd > summary.names else Kind.NAMES
    if summary.names or summary.odd:
        # Names such as 3M or 7 Eleven stand among names, as 12 kg stands among numbers.
        few = summary.names > total and not summary.numbers[""]
        return Kind.NAMES if named_first or few else Kind.NUMBERS
    if len(summary.numbers) == 1:
        return Kind.NUMBERS if summary.notable else Kind.NAMES
    if not summary.notable and not summary.numbers[""]:
        return Kind.NAMES
    return _doubt_units(summary.numbers, find_unit(summary))


def find_unit(summary: Summary) -> str:
    """Return what stands before or behind most numbers of a column: nothing, if as many."""
    return max(sorted(summary.numbers), key=summary.numbers.__getitem__, default="")


def find_mark(summaries: Sequence[Summary], delimiter: str) -> tuple[str, int | None, Doubt | None]:
    """Return the decimal mark of a table, found in all its columns of numbers.

    Where 1,234 is the only evidence, it is in doubt. So is 1.234 where whole numbers below 1000
    stand in the same column, or where semicolons, tabs or pipes leave the comma free for
    decimals; elsewhere the point is decimal, as usual.

    Returns:
        The mark; and where it is in doubt, the index of the summary, and the doubt.
    """
    point, comma = (sum(summary.clear[mark] for summary in summaries) for mark in ".,")
    if point or comma:
        return ("." if point >= comma else ","), None, None
    for index, summary in enumerate(summaries):
        mixed = summary.small and not summary.large
        if summary.vague[","]:
            return ".", index, _doubt_mark(",")
        if summary.vague["."] and (mixed or delimiter in ";\t|"):
            return ".", index, _doubt_mark(".")
    return ".", None, None


def _doubt_odd() -> Doubt:
    return Doubt(
        "a column that looks like numbers must hold numbers as people write them: 1234.5, 1,234.5,"
        " 12 %, 5 kg, $3, (3), 1.5E3",
        "write that column as numbers, or put a letter into its names",
        looks_numeric,
    )


def _doubt_units(units: Counter[str], usual: str) -> Doubt:
    shown = " and ".join(repr(unit) if unit else "none" for unit in sorted(units)[:3])
    return Doubt(
        f"the numbers of a column must have one unit, found {shown}",
        "write them all in one unit, best named in the header",
        lambda cell: _has_other_unit(cell, usual),
    )


def _has_other_unit(cell: str, usual: str) -> bool:
    numeral = dissect(cell)
    return numeral.unit != usual if numeral else bool(usual) and is_plain(cell.strip())


def _doubt_mark(mark: str) -> Doubt:
    name, other = ("point", "comma") if mark == "." else ("comma", "point")
    return Doubt(
        f"it must be clear whether the {name} is the decimal mark or separates thousands: in this"
        " table three digits follow it always",
        f"say decimal={name} if it is the decimal mark, or decimal={other} if it is not",
        lambda cell: (
            (numeral := dissect(cell)) is not None
            and mark in numeral.digits
            and len(numeral.marks) > 1
        ),
    )
