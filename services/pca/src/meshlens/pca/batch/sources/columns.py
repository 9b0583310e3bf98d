"""Which columns of a file are the variables, and whether files have the same ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import name_variables
from meshlens.pca.tables.columns import RawTable, quote
from meshlens.pca.tables.parts.roles import Roles, assign
from meshlens.pca.tables.reading import ColumnLeftOut
from meshlens.pca.tables.table import check_columns

_NUMBERS, _NAMES = "numbers", "names"


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a file.

    Attributes:
        names: of the p variables, generated if the file has none.
        places: where they are in a row of the file, from 0.
        kinds: what each column holds that counts, by its name.
        left_out: the other columns.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    kinds: Mapping[str, str]
    left_out: tuple[ColumnLeftOut, ...] = ()

    def find(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the places of variables by their names.

        Raises:
            InvalidTable: one is not there.
        """
        known = dict(zip(self.names, self.places, strict=True))
        missing = [name for name in names if name not in known]
        if missing:
            raise InvalidTable(
                f"the file must have the variables {quote(names)}",
                got=f"none called {quote(missing)}",
                remedy="write it as the other files are, or leave it out",
            )
        return tuple(known[name] for name in names)


def choose(sample: RawTable, roles: Roles, columns: int | None) -> Choice:
    """Return which columns of a file are the variables.

    Args:
        sample: an observation of it.
        roles: what the caller says of its columns.
        columns: variables that there must be, if the caller has said how many.

    Raises:
        InvalidOption: a role names no column, or one that cannot play its part.
        InvalidTable: no column holds numbers, there are too many, or two have one name.
    """
    cast = assign(sample, roles)
    raw = cast.variables
    check_columns(raw, columns)
    names = raw.names or name_variables(len(raw.places))
    twice = [name for name in names if names.count(name) > 1] if len({*names}) < len(names) else []
    if twice:
        raise InvalidTable(
            "the variables of a table that is read in parts must have different names",
            got=f"{quote(twice[:1])} more than once",
            remedy="rename one of them, or choose others by use=",
        )
    kinds = dict.fromkeys(sample.known_names, _NUMBERS)
    kinds |= dict.fromkeys((text.name for text in sample.texts), _NAMES)
    counts = roles.use or [name for name in kinds if name not in roles.drop]
    places = tuple(place - 1 for place in raw.places)
    aside = {cast.labels_column, cast.groups_column}
    texts = [text for text in sample.texts if text.name in aside]
    left_out = [
        *cast.left_out,
        *(ColumnLeftOut(it.place, it.name, "it holds names") for it in texts),
    ]
    left_out.sort(key=lambda it: it.column)
    return Choice(names, places, {name: kinds[name] for name in counts}, tuple(left_out))


def refuse_other(
    first: tuple[str, Choice, str], other: tuple[str, Choice, str], most: int = 3
) -> None:
    """Refuse a file whose columns, format or way to write numbers are not those of the first.

    Args:
        first: name, columns, and how it is written.
        other: the same of another file.
        most: columns to show.

    Raises:
        InvalidTable: they differ.
    """
    (name, columns, written), (other_name, others, also) = first, other
    differences = [
        f"{column!r} {_say(columns.kinds, column)} in {name}, {_say(others.kinds, column)}"
        f" in {other_name}"
        for column in {**columns.kinds, **others.kinds}
        if columns.kinds.get(column) != others.kinds.get(column)
    ]
    if differences:
        more = f", and {len(differences) - most} more" if len(differences) > most else ""
        raise InvalidTable(
            "the files of a table must have the same columns",
            got="; ".join(differences[:most]) + more,
            remedy="write them alike, leave columns out by drop=, or choose them by use=",
        )
    if written != also:
        raise InvalidTable(
            "the files of a table must have one format, and write numbers alike",
            got=f"{written} in {name}, {also} in {other_name}",
            remedy="name files of one format; of text, say decimal= or write them alike",
        )


def _say(kinds: Mapping[str, str], column: str) -> str:
    return f"holds {kinds[column]}" if column in kinds else "is not there"
