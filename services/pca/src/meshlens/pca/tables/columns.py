"""What every codec takes and returns: how to read, and columns of numbers and of names.

Whether a column holds numbers or names is decided here, for all of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]

# With more, the decomposition and its answer would be too large for one request.
MOST_VARIABLES = 100_000
# Of a table, with names, groups and what is left out.
MOST_COLUMNS = MOST_VARIABLES + 1_000

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What the caller says about delimited text; whatever is left out is found.

    Attributes:
        delimiter: one character; a blank for runs of blanks.
        decimal: the decimal mark, "." or ",".
        missing: further cells that say that a number is missing.
        skip: numbers of the lines that are none of the table.
        charset: the encoding.
    """

    delimiter: str = ""
    decimal: str = ""
    missing: frozenset[str] = frozenset()
    skip: frozenset[int] = frozenset()
    charset: str = ""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How the caller wants a body to be read.

    Attributes:
        columns: variables of an observation. One line of text has two unless it is given; rows
            must agree with it.
        declared: names of the columns that hold names whatever is in them, since the caller says
            that they name or group the observations, or that they are left out.
        header: whether the first row of text holds names; None to detect it.
        text: of delimited text.
        sheet: name of the sheet of a workbook; without it, the first one with numbers.
        variables: of a fit, if there is one, as its input has named them.
    """

    columns: int | None = None
    declared: frozenset[str] = frozenset()
    header: bool | None = None
    text: TextOptions = field(default_factory=TextOptions)
    sheet: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class NameColumn:
    """One column of names.

    Attributes:
        name: of the column, generated from its position if the input has none.
        cells: n of them; empty where missing.
        names_rows: whether its position means that it names the observations.
        place: its position in a row of the input, from 1; 0 if it has none.
    """

    name: str
    cells: Sequence[str]
    names_rows: bool = False
    place: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """What a codec has read, before groups, labels and missing numbers are dealt with.

    Attributes:
        values: (n, p), nan where a number is missing.
        places: the position of each column of `values` in a row of the input, from 1.
        names: of these columns, or empty if the input has none.
        texts: the columns that do not hold numbers.
        first_row: number of the first observation in messages; None if all are on one line.
        rows: the number in the input of each observation, if they do not just follow the first.
        reading: what the codec knows about how the body was read.
    """

    values: Array
    places: Sequence[int]
    names: tuple[str, ...] = ()
    texts: tuple[NameColumn, ...] = field(default=())
    first_row: int | None = 1
    rows: Sequence[int] = ()
    reading: Reading = field(default_factory=Reading)

    @property
    def known_names(self) -> tuple[str, ...]:
        """The names by which callers choose the columns of `values`; x1, ... if they have none."""
        return self.names or tuple(f"x{place}" for place in self.places)

    @property
    def row_numbers(self) -> Sequence[int]:
        """The number in the input, from 1, of each observation; empty if all are on one line."""
        if self.first_row is None or len(self.rows):
            return self.rows
        return range(self.first_row, self.first_row + len(self.values))

    def number(self, row: int) -> int:
        """Return the number in the input, from 1, of the observation in a row of `values`."""
        return self.rows[row] if len(self.rows) else row + (self.first_row or 1)

    def place(self, row: int, column: int) -> Place:
        """Return the place in the input of an entry of `values`."""
        if self.first_row is None:
            return Place(value=row * self.values.shape[1] + column + 1)
        name = self.names[column] if self.names else ""
        return Place(row=self.number(row), column=self.places[column], field=name)


class Content(Enum):
    """What a codec finds in a cell, or by its type in a whole column."""

    NUMBER = auto()
    MISSING = auto()
    NAME = auto()


def holds_names(contents: Collection[Content], *, declared: bool = False) -> bool:
    """Return whether a column holds names, not numbers: the rule for every table format.

    A column that mixes names and numbers counts as numeric, and its names are reported as errors.

    Args:
        contents: what is in its cells; dates, for one, are names.
        declared: whether it holds names whatever is in it, since the caller has said that it
            holds the groups, or its place that it names the observations.
    """
    return declared or (Content.NAME in contents and Content.NUMBER not in contents)


def too_wide(width: int) -> InvalidTable:
    """Return the error for a table with too many columns."""
    return InvalidTable(
        f"observations must have at most {MOST_VARIABLES} variables",
        got=f"{width}",
        remedy="send one row for each observation, or fewer columns",
    )


def ragged(expected: int, length: int, row: int) -> InvalidTable:
    """Return the fault of a row that is longer or shorter than the first."""
    place = Place(row=row)
    return InvalidTable(
        f"rows must have equal length, {expected} as the first",
        got=f"{length} at {place}",
        remedy="complete or shorten that row",
        places=[place],
    )


def empty_body() -> InvalidTable:
    """Return the fault of a body without observations."""
    return InvalidTable(
        "the body must hold observations",
        got="an empty body",
        remedy="send numbers as x1,y1,x2,y2,... or one row a line",
    )


def quote(names: Iterable[str]) -> str:
    """Return names for a message: the first few of them, none too long."""
    shown = [repr(name if len(name) <= 40 else f"{name[:39]}…") for name in names]  # noqa: PLR2004 - keeps messages short
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return ", ".join(shown[:_MOST_NAMED]) + more
