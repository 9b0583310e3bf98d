"""Delimited text: one line or rows, small or large, with or without names."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from unit.pca.tables.bodies import FORM, VALUES

import meshlens.pca
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import MOST_COLUMNS, MOST_VARIABLES
from meshlens.pca.tables.table import decode_table


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/csv", FORM])
def test_one_line_is_read_as_pairs(content_type: str) -> None:
    table = decode_table(b"1,2, 3 ,-4e0\n", content_type)
    assert table.values.tolist() == [[1, 2], [3, -4]]
    assert table.names == ()


def test_one_line_has_as_many_columns_as_the_caller_says() -> None:
    assert decode_table(b"1,2,3,4,5,6", columns=3).values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert decode_table(b"1,2,3", columns=1).values.tolist() == [[1], [2], [3]]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\n\n \n"])
def test_lines_are_rows_whatever_ends_them(newline: str) -> None:
    body = newline.join(["1,2,3", "4,5,6", ""])
    assert decode_table(body.encode()).values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_first_line_of_names_names_the_columns() -> None:
    table = decode_table('\ufeff"width, cm", länge,""\n1,2,3\n4,5,6\n'.encode())
    assert table.names == ("width, cm", "länge", "x3")
    assert table.values.shape == (2, 3)


@pytest.mark.parametrize("escape", [quote, quote_plus])
def test_what_a_form_has_escaped_is_unescaped(escape: Callable[[str], str]) -> None:
    body = escape("1e+2, 2\n-3,+4\n").encode()
    assert decode_table(body, FORM).values.tolist() == [[100, 2], [-3, 4]]


def test_a_plus_sign_that_nobody_escaped_belongs_to_its_number() -> None:
    assert decode_table(b"1e+2,2,+3,4", FORM).values.tolist() == [[100, 2], [3, 4]]


def test_an_escaped_body_of_nothing_is_empty() -> None:
    with pytest.raises(InvalidTable, match="empty"):
        decode_table(b"%0A%20", FORM)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", ["empty"]),
        (b" \r\n\t", ["empty"]),
        (b"\xef\xbb\xbf", ["empty"]),
        (b"abc", ["'abc'", "value 1"]),
        (b"1,2,three,4", ["'three'", "value 3"]),
        (b"1,2,,4", ["1 missing", "value 3"]),
        (b"1,2,3,4,", ["5 values", "the last of them empty"]),
        (b"1,2,nan,4", ["1 missing", "value 3"]),
        (b"1,-inf", ["-inf", "value 2"]),
        (b"1,1e999", ["inf", "value 2"]),
        (b"1_000,2", ["'1_000'", "value 1"]),
        ("\N{ARABIC-INDIC DIGIT ONE},2".encode(), ["value 1"]),
        (b"0x10,2", ["'0x10'", "value 1"]),
        (b"1,2\x00", ["value 2"]),
        (b"1,2,3", ["multiple of its 2 columns", "3 values", "columns=p"]),
        (b"1,2\n3", ["2 as the first", "got 1 at row 2"]),
        (b"1,2\n3,4,5\n", ["2 as the first", "got 3 at row 2"]),
        (b"a,b\n1,2\n3,x", ["'x'", "row 3, column 2"]),
        (b"a,b\n1,2\n\n3,NA", ["1 missing", "row 4, column 2 (b)"]),
        (b"a,b,c\n1,2\n3,4", ["3 columns that row 1 names", "got 2"]),
        (b"1 200\n3 400", ["blanks", "thousands", "delimiter=space"]),
        (b"1|2,3\n4,5", ["'1|2'", "row 1, column 1", "semicolons"]),
        (b"a,b\n", ["'a'", "value 1"]),
        (b"a,b\n\nc,d\n", ["names only", "2 columns"]),
        (b"1,2\nx,3", ["'x'", "row 2, column 1"]),
        (b"x,1\ny,2\n3,3", ["'x'", "row 1, column 1"]),
        (b"a,1,k\nb,2,k\na,3,l", ["'x1', 'x3'", "group=<name>"]),
        (b'"1,2\n3,4', ["quotes must be closed"]),
        (b"1,\xff", ["UTF-8", "0xff", "position 3"]),
        ("1,2".encode("utf-16")[:-1], ["utf-16", "position 7"]),
        (b"a" * 200_000 + b"\n1", ["field limit"]),
        (b"0" + b",0" * MOST_COLUMNS + b"\n" + b"0" + b",0" * MOST_COLUMNS, [str(MOST_VARIABLES)]),
        (b"9" * 100_000 + b"x,1", ["value 1"]),
    ],
)
def test_bad_text_is_refused_with_its_place(body: bytes, names: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(body)
    message = str(caught.value)
    assert len(message) < 400
    assert "; " in message
    for name in names:
        assert name in message


@pytest.mark.parametrize(
    "body",
    [
        b',"x","y"\n"1",1.5,2\n"2",3,-4\n"3",5,6.25\n',  # R's write.csv
        b"x,y\n1,1.5,2\n2,3,-4\n3,5,6.25\n",  # R's write.table
    ],
)
def test_a_first_column_without_a_name_names_the_rows(body: bytes) -> None:
    table = decode_table(body)
    assert (table.values.tolist(), table.names) == (VALUES, ("x", "y"))
    assert table.labels == ("1", "2", "3")


def test_years_are_names_if_the_caller_says_so() -> None:
    table = decode_table(b"2010,2011\n1,2\n3,4\n", header=True)
    assert (table.names, table.values.tolist()) == (("2010", "2011"), [[1, 2], [3, 4]])
    table = decode_table(b"a,1\nb,2\na,5\n", header=False)
    assert (table.groups, table.values.tolist()) == (("a", "b", "a"), [[1], [2], [5]])


def large(rows: int = 6000) -> bytes:
    return b"x,y,kind\n" + b"".join(b"%d.5,%d,%c\n" % (i, -i, 97 + i % 3) for i in range(rows))


def test_large_text_is_read_as_small_text() -> None:
    table = decode_table(large())
    assert table.values.tolist() == [[i + 0.5, -i] for i in range(6000)]
    assert table.names == ("x", "y")
    assert table.groups == tuple("abc"[i % 3] for i in range(6000))
    line = ",".join(f"{i}.5,{-i}" for i in range(9000)).encode()
    assert decode_table(line).values.tolist() == [[i + 0.5, -i] for i in range(9000)]
    comma = ";".join(f"{i},5;{-i}" for i in range(9000)).encode()
    assert decode_table(comma).values.tolist() == [[i + 0.5, -i] for i in range(9000)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (b"12,oops,a\n", ["'oops'", "row 6002, column 2 (y)"]),
        (b"12,NA,a\n", ["1 missing", "row 6002, column 2 (y)"]),
        (b"12,,a\n", ["1 missing", "row 6002, column 2 (y)"]),
        (b"12,-inf,a\n", ["-inf", "row 6002, column 2 (y)"]),
        (b"12,3\n", ["3 as the first", "got 2 at row 6002"]),
        (b"12,3,4\n", ["'4'", "row 6002, column 3 (kind)"]),
        (b'12,3,"a\n', ["quotes"]),
    ],
)
def test_a_fault_deep_in_large_text_is_named(cell: bytes, names: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(large() + cell + b"1,2,a\n" * 20_000)
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#b,1,2\n" + "a,3,4\n" * 20_000, "comment or an observation.*row 1.*skip=1"),
        ("n,v,w\n#b,1,2\n" + "a,3,4\n" * 20_000, "comment or an observation.*row 2.*skip=2"),
        ("v w\n" + "1 2\n" * 20_000 + '3 \n"4" 5\n', "2 as the first, got 1 at row 20002"),
        ("u v w\n" + "1 2 4\n" * 20_000 + '3  "4"\n', "3 as the first, got 2 at row 20002"),
    ],
)
def test_large_text_is_refused_as_small_text(text: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        decode_table(text.encode(), missing=Missing.MEAN)


def test_infinities_of_both_signs_in_large_text_are_refused_without_a_warning() -> None:
    with pytest.raises(InvalidTable, match="inf at row 20002, column 1"):
        decode_table(b"v,w\n" + b"1,2\n" * 20_000 + b"inf,1\n-inf,2\n")


cells = st.sampled_from(["1", "-2.5", " 3", "+4e2", "nan", "", "NA", "x", "inf", "1_0", '"5"', '"'])


@given(
    st.lists(st.lists(cells, min_size=1, max_size=3), min_size=2, max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
@example([[""], ["1", "1", ""]], ",", "\n")
@example([['"'], ['"'], ["1", "1"], ['"5"', "1"]], ",", "\n")
def test_arrow_reads_what_the_standard_library_reads(
    rows: list[list[str]], delimiter: str, newline: str
) -> None:
    body = newline.join(delimiter.join(row) for row in rows).encode()
    with pytest.MonkeyPatch.context() as patch:
        outcomes: list[object] = []
        for large_from in (0, 1 << 16):
            patch.setattr("meshlens.pca.tables.delimited.line.LARGE", large_from)
            patch.setattr("meshlens.pca.tables.delimited.text.LARGE", large_from)
            try:
                table = decode_table(body, missing=Missing.MEAN)
                # A blank line within quotes is dropped by the one and kept by the other.
                words = " | ".join((*table.names, *table.groups, *table.labels)).split()
                outcomes.append((table.values.tolist(), words))
            except InvalidTable as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("mark", MISSING)
def test_every_mark_of_a_missing_number_is_one(mark: str) -> None:
    table = decode_table(f"x,y\n1,2\n3,{mark}\n5,6\n".encode(), missing=Missing.DROP)
    assert (table.values.tolist(), table.dropped, table.groups) == ([[1, 2], [5, 6]], 1, ())


def test_the_marks_of_missing_numbers_are_those_of_the_documentation() -> None:
    readme = Path(meshlens.pca.__file__).parents[3] / "README.md"
    told = readme.read_text().split("written in any of these ways", 1)[1].split("\n\n", 1)[0]
    assert {mark for mark in MISSING if mark.casefold() not in told.casefold()} == set()
