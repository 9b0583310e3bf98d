"""What codecs hand over: columns of numbers and of names, not yet known for what they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.faults import Place
from meshlens.pca.errors import InvalidOption, InvalidTable

Array: TypeAlias = npt.NDArray[np.float64]

# Beyond, the decomposition and its answer outgrow one request.
MOST_COLUMNS = 10_000

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """How the caller wants a body to be read.

    Attributes:
        columns: variables of an observation. One line of text has two unless this says otherwise;
            rows say it themselves and must agree with it.
        group: name of the column that holds groups; a numeric one too.
        header: whether the first row of text holds names; None to see for oneself.
    """

    columns: int | None = None
    group: str = ""
    header: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One column of names.

    Attributes:
        name: of the column, or of the place where it stands.
        cells: n of them; empty where missing.
        names_rows: whether its place says that it names the observations.
    """

    name: str
    cells: Sequence[str]
    names_rows: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What a codec has read.

    Attributes:
        values: (n, p), nan where a number is missing.
        places: where in a row of the input each column of `values` stands, from 1.
        names: of these columns, or empty if the input names none.
        texts: the columns that hold no numbers.
        first_row: how messages count the first observation; None if all stand on one line.
    """

    values: Array
    places: Sequence[int]
    names: tuple[str, ...] = ()
    texts: tuple[Text, ...] = field(default=())
    first_row: int | None = 1

    def place(self, row: int, column: int) -> Place:
        """Return where in the input an entry of `values` stands."""
        if self.first_row is None:
            return Place(value=row * self.values.shape[1] + column + 1)
        name = self.names[column] if self.names else ""
        return Place(row=row + self.first_row, column=self.places[column], field=name)


def take_groups(columns: Columns, group: str) -> tuple[Columns, tuple[str, ...], tuple[str, ...]]:
    """Part the numbers from the groups and the names of the observations.

    A column of names holds groups if it repeats itself, else it names the observations.

    Args:
        columns: what was read.
        group: the column of the groups, if the caller has named it; other columns of names
            then have no part in the analysis.

    Returns:
        The numbers, the groups and the names; either is empty if there are none.

    Raises:
        InvalidOption: no column is called `group`.
        InvalidTable: several columns may be meant.
    """
    groups: tuple[str, ...] = ()
    texts = columns.texts
    if group:
        columns, texts, groups = _take(columns, group)
    distinct = [text for text in texts if text.names_rows or _is_distinct(text.cells)]
    labels = tuple(distinct[0].cells) if distinct else ()
    repeated = [text for text in texts if text not in distinct]
    if not group and len(repeated) > 1:
        raise InvalidTable(
            "one column may hold groups, and every other must hold numbers",
            got=f"names in the columns {quote(text.name for text in repeated)}",
            remedy="say which one holds the groups by group=<name>",
            option="group",
        )
    if not group and repeated:
        groups = tuple(repeated[0].cells)
    return columns, groups, labels


def too_wide(width: int) -> InvalidTable:
    """Return the fault of more columns than are read."""
    return InvalidTable(
        f"observations must have at most {MOST_COLUMNS} variables",
        got=f"{width}",
        remedy="send one row for each observation, or fewer columns",
    )


def quote(names: Iterable[str]) -> str:
    """Return names for a message: the first few of them, none too long."""
    shown = [repr(name if len(name) <= 40 else f"{name[:39]}…") for name in names]  # noqa: PLR2004 - as much as a message bears
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return ", ".join(shown[:_MOST_NAMED]) + more


def _take(columns: Columns, group: str) -> tuple[Columns, tuple[Text, ...], tuple[str, ...]]:
    """Return what is left without the column called `group`, and its cells."""
    for text in columns.texts:
        if text.name == group:
            rest = tuple(other for other in columns.texts if other is not text)
            return columns, rest, tuple(text.cells)
    names = columns.names or tuple(f"x{place}" for place in columns.places)
    if group not in names:
        raise InvalidOption(
            "group must be the name of a column",
            got=f"group={quote([group])}",
            option="group",
            remedy=f"the columns are {quote([*names, *(text.name for text in columns.texts)])}",
        )
    at = names.index(group)
    numbers = columns.values[:, at].tolist()
    cells = tuple("" if number != number else f"{number:.15g}" for number in numbers)  # noqa: PLR0124 - only nan differs from itself
    left = Columns(
        values=np.delete(columns.values, at, axis=1),
        places=[place for column, place in enumerate(columns.places) if column != at],
        names=columns.names and names[:at] + names[at + 1 :],
        first_row=columns.first_row,
    )
    return left, columns.texts, cells


def _is_distinct(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells)
