"""Which column plays which part: variables, names, groups, colour, shape, supplementary variables.

The caller may say; what is left unsaid follows from what the columns hold. Every column that plays
no part is listed with the reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from meshlens.faults import Place
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.tables.columns import Array, NameColumn, RawTable, quote
from meshlens.pca.tables.reading import ColumnLeftOut


@dataclass(frozen=True, slots=True)
class Roles:
    """The parts of columns as far as the caller says; names of columns of the input.

    A column named for another part is a variable only if `use` names it too.

    Attributes:
        use: the variables; empty for all columns of numbers without another part.
        drop: columns without any part.
        names: the column that names the observations.
        group: the column of the groups; a numeric one too.
        color: the column of numbers by which points are coloured.
        shape: the column of a second factor, by which points get their shapes.
        supplementary: variables correlated with the components but not part of the analysis.
    """

    use: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    names: str = ""
    group: str = ""
    color: str = ""
    shape: str = ""
    supplementary: tuple[str, ...] = ()

    def declare(self) -> frozenset[str]:
        """Return the columns that hold names whatever is in them."""
        return frozenset(filter(None, (self.names, self.group, self.shape, *self.drop)))

    def parts(self) -> Iterator[tuple[str, str]]:
        """Yield each option with each column that it names."""
        for option in ("use", "drop", "names", "group", "color", "shape", "supplementary"):
            named = getattr(self, option)
            for name in (named,) if isinstance(named, str) else named:
                if name:
                    yield option, name


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Columns in their parts.

    Attributes:
        variables: the table with the variables alone.
        labels: (n) names of the observations, or empty.
        groups: (n), or empty.
        shapes: (n) levels of the second factor, or empty.
        color: (n,) numbers, nan where one is missing; None without.
        supplementary: (n, s) numbers, nan where one is missing.
        labels_column: name of the column of `labels`, or empty.
        groups_column: name of the column of `groups`, or empty.
        groups_place: position of that column in the input, from 1.
        left_out: the columns without a part.
    """

    variables: RawTable
    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    color: Array | None = None
    supplementary: Array = field(default_factory=lambda: np.empty((0, 0)))
    labels_column: str = ""
    groups_column: str = ""
    groups_place: int = 0
    left_out: tuple[ColumnLeftOut, ...] = ()


def assign(raw: RawTable, roles: Roles) -> Cast:
    """Give each column its part.

    A column of names holds groups if any name occurs twice, else it names the observations.

    Raises:
        InvalidOption: an option names no column, several, or one that cannot play its part.
        InvalidTable: more than one column could hold the groups.
    """
    columns = _Columns(raw)
    _check(columns, roles)
    taken = {name for option, name in roles.parts() if option != "use"}
    if roles.use:
        chosen = [columns.number(name, "use") for name in roles.use]
    else:
        chosen = [at for at, name in enumerate(columns.numbers) if name not in taken]
    free = [text for text in raw.texts if text.name not in {name for _, name in roles.parts()}]
    names_rows = columns.text(roles.names) if roles.names else _find_names(free)
    grouping = columns.text(roles.group) if roles.group else _find_groups(free)
    parts = {text.name for text in (names_rows, grouping) if text}
    variables = _select(raw, chosen)
    return Cast(
        variables=variables,
        labels=tuple(names_rows.cells) if names_rows else (),
        groups=tuple(grouping.cells) if grouping else (),
        shapes=tuple(columns.text(roles.shape).cells) if roles.shape else (),
        color=columns.values(roles.color, "color") if roles.color else None,
        supplementary=raw.values[
            :, [columns.number(name, "supplementary") for name in roles.supplementary]
        ],
        labels_column=names_rows.name if names_rows else "",
        groups_column=grouping.name if grouping else "",
        groups_place=grouping.place if grouping else 0,
        left_out=(*raw.reading.left_out, *_leave_out(raw, columns, roles, {*chosen}, parts)),
    )


class _Columns:
    """The columns of a table by name."""

    def __init__(self, raw: RawTable) -> None:
        self.raw = raw
        self.numbers = raw.known_names
        self.texts = {text.name: text for text in raw.texts}
        self.known = [*self.numbers, *self.texts]

    def number(self, name: str, option: str) -> int:
        """Return the index among the columns of numbers.

        Raises:
            InvalidOption: the column holds names.
        """
        if name in self.texts:
            cells = self.texts[name].cells
            first = next((at for at, cell in enumerate(cells) if cell), 0)
            place = Place(
                row=self.raw.number(first), column=self.texts[name].place or None, field=name
            )
            raise InvalidOption(
                f"{option} must name columns of numbers",
                got=f"{quote([name])}, which holds names such as {quote([cells[first]])}",
                remedy="name another column, or correct that one",
                option=option,
                places=[place],
            )
        return self.numbers.index(name)

    def values(self, name: str, option: str) -> Array:
        """Return a column of numbers."""
        values: Array = self.raw.values[:, self.number(name, option)]
        return values

    def text(self, name: str) -> NameColumn:
        """Return a column as names; numbers are written with up to 15 digits."""
        if name in self.texts:
            return self.texts[name]
        at = self.numbers.index(name)
        numbers = self.raw.values[:, at].tolist()
        cells = ["" if number != number else f"{number:.15g}" for number in numbers]  # noqa: PLR0124 - only nan differs from itself
        return NameColumn(name, cells, place=self.raw.places[at])


def _check(columns: _Columns, roles: Roles) -> None:
    """Refuse names of no column or of several, and columns both dropped and used."""
    options: dict[str, list[str]] = {}
    without = {column.name: column.why for column in columns.raw.reading.left_out}
    for option, name in roles.parts():
        count = columns.known.count(name)
        if not count and name in without:
            if option == "drop":
                continue
            raise InvalidOption(
                f"{option} must name a column that holds something",
                got=f"{option}={quote([name])}, which is left out: {without[name]}",
                remedy="name another column, or complete that one",
                option=option,
            )
        if count != 1:
            raise InvalidOption(
                f"{option} must be the name of {'a column' if count == 0 else 'one column'}",
                got=f"{option}={quote([name])}" + (f", the name of {count}" if count else ""),
                remedy=f"the columns are {quote(columns.known)}"
                if count == 0
                else "give the columns different names",
                option=option,
            )
        options.setdefault(name, []).append(option)
    for name, named in options.items():
        clash = "drop" in named or {"use", "supplementary"} <= {*named}
        if len(named) > 1 and (clash or len({*named}) < len(named)):
            raise InvalidOption(
                "a column must have one part in the analysis",
                got=f"{quote([name])} in {' and in '.join(named)}",
                remedy="name it once; what names, group, color or shape names is no variable",
                option=named[-1],
            )


def _find_names(texts: Sequence[NameColumn]) -> NameColumn | None:
    """Return the first column whose position or distinct cells name the observations."""
    return next((text for text in texts if text.names_rows or _is_distinct(text)), None)


def _find_groups(texts: Sequence[NameColumn]) -> NameColumn | None:
    repeated = [text for text in texts if not (text.names_rows or _is_distinct(text))]
    if len(repeated) > 1:
        raise InvalidTable(
            "one column may hold groups, and every other must hold numbers",
            got=f"names in the columns {quote(text.name for text in repeated)}",
            remedy="say which one holds the groups by group=<name>, or leave others out by drop=",
            option="group",
        )
    return repeated[0] if repeated else None


def _is_distinct(text: NameColumn) -> bool:
    return len(set(text.cells)) == len(text.cells)


def _select(raw: RawTable, chosen: Sequence[int]) -> RawTable:
    """Return the columns of numbers at these indices, in this order, and no others."""
    if [*chosen] == [*range(raw.values.shape[1])]:
        return replace(raw, texts=())
    return replace(
        raw,
        values=raw.values[:, [*chosen]],
        places=[raw.places[at] for at in chosen],
        names=raw.names and tuple(raw.names[at] for at in chosen),
        texts=(),
    )


def _leave_out(
    raw: RawTable, columns: _Columns, roles: Roles, chosen: set[int], parts: set[str]
) -> Iterator[ColumnLeftOut]:
    """Yield the columns without a part, in the order of the input."""
    playing = {name for option, name in roles.parts() if option != "drop"} | parts
    left = [
        (raw.places[at], name, "not in use=")
        for at, name in enumerate(columns.numbers)
        if at not in chosen and name not in playing
    ]
    left += [
        (text.place, text.name, "it holds names, and another column names the observations")
        for text in raw.texts
        if text.name not in playing
    ]
    for place, name, why in sorted(left):
        yield ColumnLeftOut(place, name, "drop=" if name in roles.drop else why)
