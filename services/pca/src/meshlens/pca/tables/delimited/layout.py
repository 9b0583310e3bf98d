"""Which column of delimited text holds numbers, names, groups or row names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import Array, NameColumn, RawTable, ReadOptions
from meshlens.pca.tables.delimited.head import Head
from meshlens.pca.tables.formulas import unmark_formula, unmark_formulas
from meshlens.pca.tables.notation import Notation
from meshlens.pca.tables.numerals import Kind
from meshlens.pca.tables.reading import ColumnLeftOut, Reading


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table before it is known what they hold.

    Attributes:
        names: of all columns; generated if there is no header.
        named: whether the input has a header.
        row_names: index of the column whose position means that it names the rows, else None.
        chosen: indices of the columns that the caller has declared to hold names.
    """

    names: tuple[str, ...]
    named: bool
    row_names: int | None
    chosen: tuple[int, ...]

    @property
    def declared(self) -> tuple[int, ...]:
        """Indices of the columns that hold names whatever is in them."""
        return self.chosen if self.row_names is None else (self.row_names, *self.chosen)

    def place(self, row: int, index: int) -> Place:
        """Return the place of a cell."""
        return Place(row=row, column=index + 1, field=self.names[index] if self.named else "")


@dataclass(frozen=True, slots=True)
class Columns:
    """What each column of a table holds.

    Attributes:
        layout: of the table.
        kinds: of the columns.
        notations: of the columns of numbers, by index.
        notes: on how the numbers are written.
    """

    layout: Layout
    kinds: tuple[Kind, ...]
    notations: dict[int, Notation]
    notes: tuple[str, ...] = ()

    def indices(self, kind: Kind) -> list[int]:
        """Return the columns of a kind."""
        return [index for index, other in enumerate(self.kinds) if other is kind]

    def arrange(
        self,
        values: Array,
        texts: Sequence[Sequence[str]],
        rows: Sequence[int],
        reading: Reading,
    ) -> RawTable:
        """Return what was read as a table."""
        layout = self.layout
        numbers = self.indices(Kind.NUMBERS)
        if not numbers:
            empty = len(self.indices(Kind.EMPTY))
            raise InvalidTable(
                "at least one column must hold numbers",
                got=f"names only, in all {len(self.kinds)} columns"
                if not empty
                else f"{empty} columns without any number and {len(texts)} of names",
                remedy="send one row of numbers for each observation, and say delimiter= if marks"
                " other than commas, semicolons, tabs, pipes or blanks divide them",
            )
        left_out = tuple(
            ColumnLeftOut(index + 1, layout.names[index], "empty")
            for index in self.indices(Kind.EMPTY)
        )
        return RawTable(
            values=values,
            places=[index + 1 for index in numbers],
            names=tuple(layout.names[index] for index in numbers) if layout.named else (),
            texts=tuple(
                NameColumn(
                    layout.names[index],
                    unmark_formulas(cells),
                    names_rows=index == layout.row_names,
                    place=index + 1,
                )
                for index, cells in zip(self.indices(Kind.NAMES), texts, strict=True)
            ),
            first_row=rows[0],
            rows=rows if len(rows) != rows[-1] - rows[0] + 1 else (),
            reading=replace(reading, left_out=left_out, notes=(*reading.notes, *self.notes)),
        )


def find_layout(head: Head, options: ReadOptions) -> Layout:
    """Return the layout of a table with this head.

    Raises:
        InvalidTable: the header names more or fewer columns than the rows have.
    """
    names, width = head.names, head.width
    row_names = None
    if names and len(names) == width - 1:
        # R's write.table leaves the column of row names without a name.
        names, row_names = ("", *names), 0
    elif names and not names[0] and width > 1:
        row_names = 0
    if names and len(names) != width:
        raise InvalidTable(
            f"rows must have the {len(names)} columns that row {head.header_row} names",
            got=f"{width}",
            remedy="name each column, or send no header",
            places=[Place(row=head.header_row)],
        )
    full = tuple(
        (unmark_formula(names[index]) if names else "") or f"x{index + 1}" for index in range(width)
    )
    chosen = tuple(index for index, name in enumerate(full) if name in options.declared)
    return Layout(full, bool(names), row_names, chosen)
