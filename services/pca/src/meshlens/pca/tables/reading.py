"""How a body was read: what every answer says about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SkippedRows:
    """Rows of the input that hold no observation.

    Attributes:
        rows: their numbers in the input, from 1.
        why: "comment", "title", "empty", ...
    """

    rows: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class ColumnLeftOut:
    """A column that has no part in the analysis.

    Attributes:
        column: its position in the input, from 1.
        name: as the input has it, or generated from the position.
        why: "names", "empty", "drop=", ...
    """

    column: int
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a body was read; a field that means nothing for its format is empty.

    Attributes:
        format: "delimited text", "JSON records", "Parquet", ...
        encoding: of text, as Python names it.
        delimiter: between the cells of text.
        decimal_mark: of the numbers in text.
        header_row: the row of the input that names the columns; None if none does.
        skipped: rows that hold no observation.
        labels: the column that names the observations.
        groups: the column that holds the groups.
        left_out: the columns that are neither variables, labels nor groups.
        transposed: whether rows of the input are variables and its columns observations.
        dropped: rows of the input (columns if transposed) left out because numbers are missing.
        filled: those in which missing numbers were filled in.
        notes: what was taken in its usual meaning though another is possible, and what to do if
            that is wrong: a sentence each.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    decimal_mark: str = ""
    header_row: int | None = None
    skipped: tuple[SkippedRows, ...] = ()
    labels: str = ""
    groups: str = ""
    left_out: tuple[ColumnLeftOut, ...] = ()
    transposed: bool = False
    dropped: tuple[int, ...] = ()
    filled: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
