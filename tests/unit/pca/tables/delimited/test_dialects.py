"""A known matrix, written in any dialect, is read as that matrix or refused: never as another.

The writer below knows nothing of the reader: it writes as programs and people do.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from meshlens.pca.errors import PcaError
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import TextOptions
from meshlens.pca.tables.table import Array, Table, decode_table

Matrix = list[list[Decimal | None]]

WORDS = ["mass", "height", "länge", "x", "y", "pH", "T (mean)", "size; cm", "a,b", "inf", "n° 1"]
PEOPLE = ["Ann", "Bob", "Cy", "Dee", "Eve", "Flo", "Gus", "Hal", "Ida", "Jon", "Kim", "Leo"]


@dataclass(frozen=True)
class Columns:
    """How the numbers of a column are written."""

    before: str = ""
    after: str = ""
    thousands: str = ""
    minus: str = "-"
    places: int | None = None
    indian: bool = False


@dataclass(frozen=True)
class Way:
    """How a table is written."""

    delimiter: str = ","
    decimal: str = "."
    quoting: int = csv.QUOTE_MINIMAL
    quote: str = '"'
    encoding: str = "utf-8"
    newline: str = "\n"
    missing: str = "NA"
    columns: Sequence[Columns] = ()
    header: Sequence[str] | None = None
    names: Sequence[str] | None = None
    short_header: bool = False
    above: Sequence[str] = ()
    between: Sequence[tuple[int, str]] = ()
    below: Sequence[str] = ()
    trailing: bool = False
    trailing_in_header: bool = True
    padding: bool = False
    options: dict[str, str] = field(default_factory=dict)


def write_number(number: Decimal | None, how: Columns, decimal: str, missing: str) -> str:
    if number is None:
        return missing
    places = how.places
    text = f"{abs(number):.{places}f}" if places is not None else f"{abs(number):f}"
    whole, _, rest = text.partition(".")
    if how.thousands and len(whole) > 3:
        head, tail = whole[:-3], whole[-3:]
        step = 2 if how.indian else 3
        groups = [head[max(0, end - step) : end] for end in range(len(head), 0, -step)][::-1]
        whole = how.thousands.join([*groups, tail])
    digits = whole + (decimal + rest if rest else "")
    if number >= 0:
        return f"{how.before}{digits}{how.after}"
    if how.minus == "()":
        return f"({how.before}{digits}{how.after})"
    if how.minus == "trailing":
        return f"{how.before}{digits}{how.after}-"
    return f"{how.minus}{how.before}{digits}{how.after}"


def write(matrix: Matrix, way: Way) -> bytes:
    rows = [
        [
            write_number(number, how, way.decimal, way.missing)
            for number, how in zip(row, way.columns, strict=True)
        ]
        for row in matrix
    ]
    if way.names is not None:
        rows = [[name, *row] for name, row in zip(way.names, rows, strict=True)]
    if way.header is not None:
        first = [] if way.names is None or way.short_header else [""]
        rows = [[*first, *way.header], *rows]
    if way.trailing:
        start = 1 if way.header is not None and not way.trailing_in_header else 0
        rows = [*rows[:start], *([*row, ""] for row in rows[start:])]
    lines = [write_line(row, way) for row in rows]
    for at, line in way.between:
        lines.insert(min(at, len(lines)), line)
    text = way.newline.join([*way.above, *lines, *way.below, ""])
    return text.encode(way.encoding, errors="replace")


def write_line(row: Sequence[str], way: Way) -> str:
    if way.padding and way.delimiter == " ":
        return "  ".join(quote_cell(cell, way).rjust(9) for cell in row)
    file = io.StringIO()
    csv.writer(
        file,
        delimiter=way.delimiter,
        quoting=way.quoting,  # type: ignore[arg-type] # typeshed knows the constants only
        quotechar=way.quote,
        lineterminator="",
    ).writerow(row)
    return file.getvalue()


def quote_cell(cell: str, way: Way) -> str:
    return f"{way.quote}{cell}{way.quote}" if " " in cell or not cell else cell


numbers = st.one_of(
    st.decimals(-10, 10, places=2, allow_nan=False, allow_infinity=False),
    st.decimals(-1, 1, places=3, allow_nan=False, allow_infinity=False),
    st.decimals(0, 99999, places=1, allow_nan=False, allow_infinity=False),
    st.integers(-50, 5000).map(Decimal),
    st.integers(900, 99_999_999).map(Decimal),
    st.decimals(1, 999, places=3, allow_nan=False, allow_infinity=False),
)


@st.composite
def column(draw: st.DrawFn, count: int) -> list[Decimal | None]:
    kind = draw(
        st.sampled_from(
            [
                st.decimals(-10, 10, places=2, allow_nan=False, allow_infinity=False),
                st.decimals(0, 1, places=3, allow_nan=False, allow_infinity=False),
                st.decimals(0, 99999, places=1, allow_nan=False, allow_infinity=False),
                st.decimals(1, 999, places=3, allow_nan=False, allow_infinity=False),
                st.integers(-50, 5000).map(Decimal),
                st.integers(900, 99_999_999).map(Decimal),
                numbers,
            ]
        )
    )
    holes = draw(st.sampled_from([0, 0, 0, 1, 2]))
    cells: list[Decimal | None] = draw(st.lists(kind, min_size=count, max_size=count))
    for _ in range(min(holes, count - 2)):
        cells[draw(st.integers(0, count - 1))] = None
    return cells


@st.composite
def ways(draw: st.DrawFn, n: int, p: int) -> Way:
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    decimal = draw(st.sampled_from([".", ".", ","]))
    other = "," if decimal == "." else "."
    named = draw(st.booleans())
    header = draw(
        st.sampled_from(
            [
                # Of one column without a name, 1,5 is two columns as usual.
                None if p > 1 else ["x"],
                draw(st.permutations(WORDS))[:p],
                draw(st.permutations(WORDS))[:p],
            ]
        )
    )
    space = [] if delimiter == " " else [" ", "\u00a0", "\u202f"]
    columns = draw(
        st.lists(
            st.builds(
                Columns,
                before=st.sampled_from(["", "", "", "$", "€ ", "USD "]),
                after=st.just(""),
                thousands=st.sampled_from(["", "", other, "'", "\u2019", *space]),
                minus=st.sampled_from(["-", "-", "\u2212", "()", "trailing"]),
                places=st.sampled_from([None, None, 0, 2, 3]),
            )
            | st.builds(
                Columns, after=st.sampled_from(["%", " %", " kg", "kg"]), minus=st.just("-")
            )
            | st.builds(Columns)
            | st.builds(
                Columns,
                thousands=st.just(other),
                indian=st.just(other == ","),
            ),
            min_size=p,
            max_size=p,
        )
    )
    encoding = draw(
        st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
    )
    joint = delimiter * (p - 1 + named)
    return Way(
        delimiter=delimiter,
        decimal=decimal,
        quoting=draw(
            st.sampled_from(
                [csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
            )
        ),
        quote=draw(st.sampled_from(['"', '"', '"', "'"])),
        encoding=encoding,
        newline=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        missing=draw(
            st.sampled_from(["NA", "", "n/a", "-", "--", "#N/A", "#DIV/0!", "NULL", ".", "1.#IND"])
        ),
        columns=columns,
        header=header,
        names=draw(st.permutations(PEOPLE))[:n] if named else None,
        short_header=draw(st.booleans()),
        above=draw(
            st.sampled_from(
                [
                    (),
                    (),
                    (),
                    ("# made by hand",),
                    ("Body measures",),
                    ("", "# a, b", ""),
                    (f"Table 1{joint}",),
                ]
            )
        ),
        between=draw(st.sampled_from([(), (), ((3, ""),), ((2, "# paused"),), ((3, joint),)])),
        below=draw(
            st.sampled_from([(), (), ("", ""), (joint,), ("\x1a",), ("Total",), ("# end",)])
        ),
        trailing=delimiter != " " and draw(st.sampled_from([False, False, True])),
        trailing_in_header=draw(st.booleans()),
        padding=draw(st.booleans()),
    )


@st.composite
def written(draw: st.DrawFn) -> tuple[Matrix, Way]:
    n, p = draw(st.integers(3, 12)), draw(st.integers(1, 5))
    columns = [draw(column(n)) for _ in range(p)]
    way = draw(ways(n, p))
    rounded = []
    for cells, how in zip(columns, way.columns, strict=True):
        places = how.places
        rounded.append(
            [
                cell if cell is None or places is None else Decimal(f"{cell:.{places}f}")
                for cell in cells
            ]
        )
    return [[*row] for row in zip(*rounded, strict=True)], way


def expected(matrix: Matrix) -> Array:
    """Return the matrix without the rows that miss a number and the columns that miss all."""
    values = np.array(
        [[math.nan if cell is None else float(cell) for cell in row] for row in matrix]
    )
    present = np.logical_not(np.isnan(values))
    values = values[:, present.any(axis=0)]
    rows: Array = values[np.isfinite(values).all(axis=1)]
    return rows


def assert_is_that_or_said(table: Table, matrix: Matrix, body: bytes) -> None:
    if is_same(table, matrix):
        return
    # 1.234 is the usual 1.234, and the note says how to read 1234: that must be the matrix.
    assert any("decimal=comma" in note for note in table.reading.notes), (body, table)
    assert table.reading.decimal_mark == "."
    other = read_or_refusal(body, decimal=",")
    assert isinstance(other, Table), (body, table, other)
    assert is_same(other, matrix), (body, table, other)


def is_same(table: Table, matrix: Matrix) -> bool:
    wanted = expected(matrix)
    return table.values.shape == wanted.shape and np.allclose(
        table.values, wanted, rtol=1e-12, atol=0
    )


def read_or_refusal(body: bytes, decimal: str = "") -> Table | PcaError:
    try:
        return decode_table(body, missing=Missing.DROP, text=TextOptions(decimal=decimal))
    except PcaError as error:
        return error


YEARS = [str(1990 + 5 * at) for at in range(6)]
rates = st.decimals(Decimal("0.01"), Decimal("99.99"), places=2, allow_nan=False).filter(
    lambda number: number % 1 != 0
)


@given(
    st.integers(3, 6).flatmap(
        lambda p: st.lists(st.lists(rates, min_size=p, max_size=p), min_size=3, max_size=9)
    ),
    st.sampled_from(",;\t|"),
    st.booleans(),
)
def test_years_above_rates_are_names_or_refused(
    matrix: list[list[Decimal]],
    delimiter: str,
    named: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    cells: Matrix = [[*row] for row in matrix]
    p = len(matrix[0])
    body = write(
        cells,
        Way(
            delimiter=delimiter,
            columns=[Columns()] * p,
            header=YEARS[:p],
            names=PEOPLE[: len(matrix)] if named else None,
        ),
    )
    table = read_or_refusal(body)
    if isinstance(table, PcaError):
        assert "header=true" in str(table)
        return
    assert table.names == tuple(YEARS[:p])
    assert_is_that_or_said(table, cells, body)


@given(
    st.integers(1, 5).flatmap(
        lambda p: st.lists(st.lists(numbers, min_size=p, max_size=p), min_size=3, max_size=9)
    )
)
def test_a_table_without_a_header_keeps_its_first_row_or_is_refused(
    matrix: list[list[Decimal]],
) -> None:
    cells: Matrix = [[*row] for row in matrix]
    body = write(cells, Way(columns=[Columns()] * len(matrix[0])))
    table = read_or_refusal(body, decimal=".")
    if isinstance(table, PcaError):
        assert "header=false" in str(table)
        table = decode_table(body, header=False, text=TextOptions(decimal="."))
    assert is_same(table, cells), (body, table)


@pytest.mark.slow
@settings(max_examples=500, derandomize=True)  # a rare new class is found by hand, not in CI
@given(written())
def test_a_matrix_in_any_dialect_is_that_matrix_or_refused(case: tuple[Matrix, Way]) -> None:
    matrix, way = case
    body = write(matrix, way)
    table = read_or_refusal(body)
    event("refused" if isinstance(table, PcaError) else "read")
    if isinstance(table, PcaError):
        assert "; " in str(table)
        return
    assert_is_that_or_said(table, matrix, body)
