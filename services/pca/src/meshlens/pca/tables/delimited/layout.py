"""Which column of delimited text holds numbers, names, groups or row names."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import (
    Array,
    Content,
    NameColumn,
    RawTable,
    ReadOptions,
    holds_names,
)
from meshlens.pca.tables.delimited.dialect import Dialect

_NO_NAMES = frozenset(MISSING) - {""}


@dataclass(frozen=True, slots=True)
class Layout:
    """What each column holds.

    Attributes:
        names: of all columns; generated if there is no header.
        named: whether the input has a header.
        texts: indices of the columns of names.
        row_names: index of the column whose position means that it names the rows, else None.
        group: index of the column of groups, which may also hold numbers, else None.
    """

    names: tuple[str, ...]
    named: bool
    texts: tuple[int, ...]
    row_names: int | None
    group: int | None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Indices of the columns of numbers."""
        return tuple(index for index in range(len(self.names)) if index not in self.texts)

    @property
    def pure_names(self) -> tuple[int, ...]:
        """Indices of the columns of names in which a number is a fault."""
        return tuple(index for index in self.texts if index not in (self.group, self.row_names))

    @property
    def first_row(self) -> int:
        """Number of the row of the first observation, from 1."""
        return 2 if self.named else 1

    def arrange(self, values: Array, texts: Sequence[Sequence[str]]) -> RawTable:
        """Return the columns read with this layout as a table."""
        numbers = self.numbers
        if not numbers:
            raise InvalidTable(
                "at least one column must hold numbers",
                got=f"names only, in all {len(self.names)} columns",
                remedy="send one row of numbers for each observation",
            )
        return RawTable(
            values=values,
            places=[index + 1 for index in numbers],
            names=tuple(self.names[index] for index in numbers) if self.named else (),
            texts=tuple(
                NameColumn(
                    self.names[index], cells, names_rows=index == self.row_names, place=index + 1
                )
                for index, cells in zip(self.texts, texts, strict=True)
            ),
            first_row=self.first_row,
        )


def find_layout(
    header: tuple[str, ...], rows: Sequence[Sequence[str]], dialect: Dialect, options: ReadOptions
) -> Layout:
    """Return the layout of a table with this header, empty if there is none, and first rows.

    Raises:
        InvalidTable: the header names more or fewer columns than the rows have.
    """
    width = len(rows[0])
    row_names = None
    if header and len(header) == width - 1:
        # R's write.table leaves the column of row names without a name.
        header, row_names = ("", *header), 0
    elif header and not header[0] and width > 1:
        row_names = 0
    if header and len(header) != width:
        raise InvalidTable(
            f"rows must have the {len(header)} columns that row 1 names",
            got=f"{width}",
            remedy="name each column, or send no header",
            places=[Place(row=1)],
        )
    names = tuple((header[index] if header else "") or f"x{index + 1}" for index in range(width))
    group = names.index(options.group) if options.group in names else None
    columns = zip(*(row for row in rows if len(row) == width), strict=True)
    texts = tuple(
        index
        for index, cells in enumerate(columns)
        if holds_names(dialect.classify_all(cells), declared=index in (group, row_names))
    )
    return Layout(names, bool(header), texts, row_names, group)


def find_header(
    head: Sequence[Sequence[str]], dialect: Dialect, options: ReadOptions
) -> tuple[str, ...]:
    """Return the names in the first row, nothing if it holds none.

    Unless the caller decides, the first row does if none of its fields is a number and not all
    mark a missing one.
    """
    header = options.header
    if header is None:
        has_number = any(dialect.classify(cell) is Content.NUMBER for cell in head[0])
        header = not has_number and not all(cell.strip() in _NO_NAMES for cell in head[0])
    return tuple(field.strip() for field in head[0]) if header else ()
