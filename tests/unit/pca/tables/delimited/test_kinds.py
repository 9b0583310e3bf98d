"""The kinds of files that people have: read rightly and said so, or refused with what to do."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from unit.pca.tables.bodies import FORM

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import TextOptions
from meshlens.pca.tables.reading import ColumnLeftOut, SkippedRows
from meshlens.pca.tables.table import Table, decode_table


def read(body: str, **options: Any) -> Table:  # noqa: ANN401 - whatever decode_table takes
    return decode_table(body.encode(), **options)


def skipped(table: Table) -> dict[str, tuple[int, ...]]:
    return {found.why: found.rows for found in table.reading.skipped}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "dye,450,500,550\nd1,0.1,0.42,0.3\nd2,0.2,0.41,0.1\nd3,0.3,0.44,0.2\n",
            ("450", "500", "550"),
        ),
        ("4000,3000,2000\n0.1,0.4,0.9\n0.2,0.5,0.8\n0.3,0.5,0.7\n", ("4000", "3000", "2000")),
        ("1991;1996;2001\n1,5;2,5;3,5\n2,5;1,5;4,5\n3,5;9,5;2,5\n", ("1991", "1996", "2001")),
        ('"g","7","9"\n"u",1.5,2\n"v",3,4\n', ("7", "9")),
        (",0,1,2\na,0.5,1.5,2.5\nb,0.2,0.3,0.1\nc,3.5,1.2,4.4\n", ("0", "1", "2")),
        ("99.5,98.2,97.1\n0.1,0.4,0.9\n0.2,0.5,0.8\n0.3,0.5,0.7\n", ("99.5", "98.2", "97.1")),
        ("300 600 900\nu 0.1 0.2 0.3\nv 0.2 0.3 0.5\n", ("300", "600", "900")),
        ("10,20,30\n12 kg,7 kg,5 kg\n3 kg,4 kg,9 kg\n5 kg,5 kg,6 kg\n", ("10", "20", "30")),
    ],
)
def test_numbers_of_another_kind_than_those_below_are_names(
    text: str, names: Sequence[str]
) -> None:
    table = read(text)
    assert table.names == names
    assert len(table.values) == text.count("\n") - 1
    assert table.reading.header_row == 1


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n5,6\n",
        "1,2,3\n4,5,6\n7,8,9\n",
        "1,2,3\n2,5,1\n7,1,4\n",
        "5.1,3.5\n4.9,3.0\n4.7,3.2\n",
        "0,0,1\n0,1,0\n1,0,0\n",
        "a,3,1\nb,2,2\na,5,9\n",
        "1,2,3\n0,0,0\n0,0,0\n",
    ],
)
def test_an_ordinary_first_row_is_an_observation(text: str) -> None:
    table = read(text)
    assert len(table.values) == 3
    assert table.reading.header_row is None


@pytest.mark.parametrize(
    "text",
    [
        "2019,2020,2021\n1500,1800,1900\n2500,2650,2700\n1700,1800,1950\n",
        "9000,8000\n1,2\n2,1\n3,2\n",
        "plot,5,3\np1,4,6\np2,7,1\np3,2,2\n",
        "0.5,0.75,1\n0.01,0.02,0.01\n0.03,0,0.02\n",
        "12.5,19.1,60.4\n0.5,0.1,3.5\n0.7,0.2,3.1\n0.4,0.3,3.3\n",
    ],
)
def test_a_first_row_that_may_be_either_is_refused_until_the_caller_says(text: str) -> None:
    with pytest.raises(InvalidTable, match=r"row 1; say header=true .* header=false"):
        read(text)
    below = text.count("\n") - 1
    assert [len(read(text, header=header).values) for header in (True, False)] == [below, below + 1]


@pytest.mark.parametrize(
    ("cells", "numbers", "note"),
    [
        (["12.5%", "9%", "7.25%"], [12.5, 9, 7.25], "'%'"),
        (["$1,200.50", "$99.25", "$7"], [1200.5, 99.25, 7], "'$'"),
        (["3 kg", "12 kg", "7 kg"], [3, 12, 7], "'kg'"),
        (["1'200", "980", "12'000"], [1200, 980, 12000], "thousands"),
        (["1\u00a0200", "980", "12\u00a0000"], [1200, 980, 12000], "thousands"),
        (["(3)", "4", "(5)"], [-3, 4, -5], "parentheses"),
        (["\u22121.5", "2.5", "3-"], [-1.5, 2.5, -3], "signs"),
        (["1.5D+01", "2D0", "3"], [15, 2, 3], "exponents"),
        (["12,34,567", "1,23,456", "99"], [1234567, 123456, 99], "thousands"),
    ],
)
def test_numbers_are_read_as_people_write_them(
    cells: list[str], numbers: list[float], note: str
) -> None:
    text = "n;v;w\n" + "".join(
        f"{name};{cell};2.5\n" for name, cell in zip("abc", cells, strict=True)
    )
    table = read(text)
    assert table.values[:, 0].tolist() == numbers
    assert any(note in said and "'v'" in said for said in table.reading.notes)


def test_a_german_table_is_read_by_its_decimal_commas() -> None:
    table = read("n;v;w\na;1.200,5;2,25\nb;900;3,5\nc;12.000;4\n")
    assert table.values.tolist() == [[1200.5, 2.25], [900, 3.5], [12000, 4]]
    assert (table.reading.delimiter, table.reading.decimal_mark) == (";", ",")


def test_decimal_commas_in_quotes_are_read_between_commas() -> None:
    table = read('"n","v"\n"a","1,5"\n"b","2,25"\n')
    assert (table.values.tolist(), table.reading.decimal_mark) == ([[1.5], [2.25]], ",")


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
@pytest.mark.parametrize("mark", [",", "."])
def test_three_digits_behind_every_mark_are_in_doubt(delimiter: str, mark: str) -> None:
    text = "n;v;w\na;1,700;5\nb;640;7\nc;2,100;8\n".replace(",", mark).replace(";", delimiter)
    with pytest.raises(InvalidTable, match=r"row 2, column 2 \(v\); say decimal="):
        read(text)
    other = "." if mark == "," else ","
    assert read(text, text=TextOptions(decimal=mark)).values[:, 0].tolist() == [1.7, 640, 2.1]
    assert read(text, text=TextOptions(decimal=other)).values[:, 0].tolist() == [1700, 640, 2100]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v;w\n1.5;2.5\n2,5;3.5\n4.5;5.5\n", r"decimal point.*'2,5' at row 3.*decimal=comma"),
        ("v,w\n1/2,1\n1/4,2\n", r"'1/2' at row 2, column 1 \(v\)"),
        ("v,w\n0x1F,1\n0x20,2\n", r"'0x1F' at row 2"),
        ("v,w\n<0.5,1\n<0.7,2\n", r"'<0.5' at row 2"),
        ("v,w\n3 kg,1\n7 lb,2\n2 kg,5\n", r"'kg' and 'lb', got '7 lb' at row 3"),
        ("v,w\n30%,1\n0.4,2\n20%,5\n", r"none and '%', got '0.4' at row 3"),
        ("v,w\n30,1\n40,2\noops,5\n", r"'oops' at row 4.*na=oops and missing=drop"),
        ("n,v\na,1\nb,2\nTotal,3\n", r"'Total' at row 4, which sums up.*skip=4"),
        ("v,w\n1,2\n3,4\nSource: me\n", r"got 1 at row 4.*skip=4"),
        ("n,v\na,1\n#b,2\nc,3\n", r"comment or an observation.*row 3.*skip=3"),
        ("1 200\n2 300\n", "delimiter=space"),
        ("v\n1,200\n2,300\n", r"part of a number.*'1,200'"),
        ("a,b\nr,1,\ns,2,\n", "end with a delimiter or begin with a name"),
        ("Sizes\ny\n0,001\n0,077\n0,012\n", "part of a number"),
        (" v\nLeo 9,25\nHal 7,5\nEve 1,75\n", "delimiter=comma or delimiter=space"),
        ("a b c\n3 1 2 4\n7 2 2 5\n9 4 4 4\n", r"numbers of rows or a variable.*skip=1"),
    ],
)
def test_two_readings_are_refused_with_the_place_and_what_to_say(text: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        read(text)


@pytest.mark.parametrize(
    ("text", "names", "labels"),
    [
        ('"p" "q"\n"A b" 1.5 2\n"C d" 3 4\n', ("p", "q"), ("A b", "C d")),
        ("  p     q\n  1.5   2\n  3    4\n", ("p", "q"), ()),
        ("p|q\n1.5|2\n3|4\n", ("p", "q"), ()),
        ("p q\n1.5 2\n\t\n3 4\n", ("p", "q"), ()),
        ("| p | q |\n|---|---|\n| 1.5 | 2 |\n| 3 | 4 |\n", ("p", "q"), ()),
        ("sep=;\np;q\n1,5;2\n3;4\n", ("p", "q"), ()),
        ("p (a; b),q\n1.5,2\n3,4\n", ("p (a; b)", "q"), ()),
        ("p q,r s\n1.5,2\n3,4\n", ("p q", "r s"), ()),
        ("'p, q','r'\n'1.5','2'\n'3','4'\n", ("p, q", "r"), ()),
        ("inf,q\n1.5,2\n3,4\n", ("inf", "q"), ()),
        ("# p,q\n1.5,2\n3,4\n", ("p", "q"), ()),
        (
            "p\tq\n1 500\t2\n3 000\t4\n".replace("1 500", "1.5").replace("3 000", "3"),
            ("p", "q"),
            (),
        ),
    ],
)
def test_delimiters_are_judged_over_the_lines(
    text: str, names: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    table = read(text)
    assert (table.values.tolist(), table.names) == ([[1.5, 2], [3, 4]], names)
    assert table.labels == labels


def test_semicolons_divide_cells_of_decimal_commas_though_one_is_empty() -> None:
    table = read("n;v\nLeo;-9,5\nHal;7,5\nEve;1,5\nBob;\nAda;2,5\n", missing=Missing.DROP)
    assert (table.values.tolist(), table.labels) == (
        [[-9.5], [7.5], [1.5], [2.5]],
        ("Leo", "Hal", "Eve", "Ada"),
    )


def test_the_caller_may_say_the_delimiter() -> None:
    assert read("1 200\n2 300\n", text=TextOptions(delimiter=" ")).values.tolist() == [
        [1, 200],
        [2, 300],
    ]
    assert read("a/b\n1/2\n3/4\n", text=TextOptions(delimiter="/")).names == ("a", "b")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_may_be_in_any_unicode_encoding(encoding: str) -> None:
    table = decode_table("länge\tb\n1\t2\n3\t4\n".encode(encoding))
    assert (table.values.tolist(), table.names) == ([[1, 2], [3, 4]], ("länge", "b"))


def test_a_charset_decides_and_windows_1252_is_noted() -> None:
    body = "größe,b\n1,2\n3,4\n".encode("cp1252")
    assert decode_table(body, "text/csv; charset=Windows-1252").reading.notes == ()
    table = decode_table(body, "text/csv")
    assert (table.names, table.reading.encoding) == (("größe", "b"), "cp1252")
    assert any("windows-1252" in note for note in table.reading.notes)
    assert (
        decode_table("да,b\n1,2\n".encode("koi8-r"), 'text/csv;charset="koi8-r"').names[0] == "да"
    )
    for charset in ("zlib", "no such", "idna"):
        with pytest.raises(InvalidOption, match="character set"):
            decode_table(body, f"text/csv; charset={charset.replace(' ', '-')}")


def test_what_is_no_observation_is_skipped_by_its_number() -> None:
    table = read("# made\n\nSizes,,\n\nn,v,w\n,kg,cm\na,1,2\n\n,,\nb,3,4\n# end\n\x1a")
    assert (table.values.tolist(), table.labels) == ([[1, 2], [3, 4]], ("a", "b"))
    assert skipped(table) == {
        "comment": (1, 11),
        "empty": (2, 4, 8, 9),
        "title": (3,),
        "units": (6,),
    }
    assert table.reading.header_row == 5


def test_rows_may_be_left_out_by_their_numbers() -> None:
    table = read("v,w\n1,2\n3,4\nSource: me\n", text=TextOptions(skip=frozenset({4})))
    assert (table.values.tolist(), table.reading.skipped) == (
        [[1, 2], [3, 4]],
        (SkippedRows((4,), "skip="),),
    )


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("a,b,\n1,2,\n3,4,\n", (ColumnLeftOut(3, "x3", "empty"),)),
        ("a,b\n1,2,\n3,4,\n", (ColumnLeftOut(3, "x3", "empty"),)),
        ("a,b\n1,2\n3,4,,\n", ()),
        ("a,b,c\n1,2,-\n3,4,n/a\n", (ColumnLeftOut(3, "c", "empty"),)),
        (",a,b\n,1,2\n,3,4\n", (ColumnLeftOut(1, "x1", "empty"),)),
    ],
)
def test_empty_columns_are_left_out_and_shift_no_names(
    text: str, left_out: tuple[ColumnLeftOut, ...]
) -> None:
    table = read(text)
    assert (table.names, table.values.tolist()) == (("a", "b"), [[1, 2], [3, 4]])
    assert (table.reading.left_out, table.groups) == (left_out, ())


def test_rows_are_the_lines_of_the_file_for_small_and_large_text() -> None:
    with pytest.raises(InvalidTable, match=r"'x' at row 7, column 2 \(b\)"):
        read("a,b\n\n\n1,2\n\n# no\n3,x\n5,6\n")
    text = "a,b\n\n" + "1.5,2\n" * 9000 + "\n\n" + "NA,3\n" + "1.5,2\n" * 9000
    with pytest.raises(InvalidTable, match=r"1 missing .*row 9005, column 1 \(a\)"):
        read(text)
    assert skipped(read(text, missing=Missing.DROP)) == {"empty": (2, 9003, 9004)}


@pytest.mark.slow
def test_further_marks_of_missing_numbers_are_the_callers() -> None:
    text = "a,b\n1,2\n-99,4\n3,9999.0\nlost,5\n7,8\n"
    chosen = TextOptions(missing=frozenset({"-99", "9999", "lost"}))
    assert read(text, text=chosen, missing=Missing.DROP).values.tolist() == [[1, 2], [7, 8]]
    large = "a,b\n" + "1.5,2\n-99,3\nlost,1\n" * 9000
    table = read(large, text=chosen, missing=Missing.DROP)
    assert np.array_equal(table.values, [[1.5, 2.0]] * 9000)


@pytest.mark.parametrize(
    "line",
    [
        "1,2,34,5,67,8,9",
        "1,2,3.54,5,6.57,8,9.5",
        "1," + "23," * 60 + "4",
        "1.5,2.53.5,4.5",
        "name,x,ya,1,2b,3,4",
    ],
)
def test_rows_that_a_form_has_joined_are_refused(line: str) -> None:
    with pytest.raises(InvalidTable, match="--data-binary"):
        decode_table(line.encode(), FORM)


# A few pairs look like joined rows by chance, as those of an app that sends random points.
@pytest.mark.parametrize(
    "line", ["5.1,3.5,4.9,3.0", "170,60,180,75", "1,2,3,4", "1,23,45,7", "1,2.53,4.55,6.5"]
)
def test_a_form_of_one_line_is_pairs_and_says_so(line: str) -> None:
    table = decode_table(line.encode(), FORM)
    assert table.values.shape == (2, 2)
    assert any("--data-binary" in note for note in table.reading.notes)
    assert decode_table(b"1,23,45,7\n", FORM).values.tolist() == [[1, 23], [45, 7]]


@pytest.mark.parametrize("mark", ["\x1e", "\x1f", "\ue000"])
def test_a_control_character_divides_no_cell(mark: str) -> None:
    with pytest.raises(InvalidTable, match="every field must be a number"):
        decode_table(f"a,b\n1{mark}2,1\n3,4\n5,6".encode())
    with pytest.raises(InvalidTable, match="at least one column must hold numbers"):
        decode_table(f"a\tb\nr1\t1NA??2{mark}3\t?".encode())
