"""What bodies are read as, and what is said about those that cannot be."""

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import MOST_COLUMNS
from meshlens.pca.tables.table import decode_table

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
finite = st.floats(allow_nan=False, allow_infinity=False)
tables = st.integers(1, 4).flatmap(
    lambda p: st.lists(st.lists(finite, min_size=p, max_size=p), min_size=2, max_size=20)
)


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


def test_json_rows_are_rows() -> None:
    assert decode_table(b"[[1, 2.5], [3, -4e1]]", JSON).values.tolist() == [[1, 2.5], [3, -40]]


def test_one_observation_is_a_table() -> None:
    assert decode_table(b"1,2").values.shape == (1, 2)


@given(tables)
def test_every_way_to_write_a_table_is_read_to_the_last_bit(rows: list[list[float]]) -> None:
    lines = "\n".join(",".join(map(repr, row)) for row in rows)
    line = ",".join(repr(value) for row in rows for value in row)
    p = len(rows[0])
    for table in (
        decode_table(lines.encode()),
        decode_table(line.encode(), columns=p),
        decode_table(quote_plus(lines).encode(), FORM),
        decode_table(json.dumps(rows).encode(), JSON),
    ):
        np.testing.assert_array_equal(table.values, np.array(rows))


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
        (b"a,b\n1,2\n\n3,NA", ["1 missing", "row 3, column 2 (b)"]),
        (b"a,b,c\n1,2\n3,4", ["3 columns that row 1 names", "got 2"]),
        (b"1 2\n3 4", ["names only", "1 columns"]),
        (b"1|2,3\n4,5", ["'1|2'", "row 1, column 1", "semicolons"]),
        (b"a,b\n", ["'a'", "value 1"]),
        (b"a,b\n\nc,d\n", ["names only", "2 columns"]),
        (b"1,2\nx,3", ["'x'", "row 2, column 1"]),
        (b"x,1\ny,2\n3,3", ["'x'", "row 1, column 1"]),
        (b"a,1,k\nb,2,k\na,3,l", ["'x1', 'x3'", "group=<name>"]),
        (b'"1,2\n3,4', ["quotes must be closed"]),
        (b"1,\xff", ["UTF-8", "0xff", "position 3"]),
        ("1,2".encode("utf-16"), ["UTF-8", "position 1"]),
        (b"a" * 200_000 + b"\n1", ["field limit"]),
        (b"0" + b",0" * MOST_COLUMNS + b"\n" + b"0" + b",0" * MOST_COLUMNS, [str(MOST_COLUMNS)]),
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
    ("body", "names"),
    [
        (b"", ["empty"]),
        (b"[[1,2],[3", ["JSON", "line 1 column 9"]),
        (b"[1,2,3]", ["array of rows", "got 1 as row 1"]),
        (b"{}", ["array of rows", "the body"]),
        (b'{"a": 1}', ["array of rows", "got 1 as column 'a'"]),
        (b'{"a": [1], "b": [1, 2]}', ["1 as 'a'", "2 in 'b'"]),
        (b'[{"a": 1}, 2]', ["got 2 as row 2"]),
        (b'[{"a": 1}, {"b": 1}, {"c": 1}]', ["same keys", "3 different"]),
        (b'{"columns": ["a"], "data": [[1, 2]]}', ["1 as the first", "2 at row 1"]),
        (b'{"columns": ["a"], "data": [[1]], "index": []}', ["each of the 1 rows"]),
        (b'{"shape": [2, 2], "data": [1, 2, 3], "datatype": "FP64"}', ["4 values", "got 3"]),
        (b'{"shape": [2, 2], "data": [[1, 2]], "datatype": "FP64"}', ["[2, 2]", "[1, 2]"]),
        (b'{"shape": [3], "data": [1, 2, 3], "datatype": "FP64"}', ["[n, p]", "[3]"]),
        (b'{"shape": [1, 2], "data": ["a", "b"], "datatype": "BYTES"}', ["'BYTES'"]),
        (b'{"inputs": [{}]}', ["shape, datatype and data"]),
        (b'{"inputs": [1, 2]}', ["one input", "2 of them"]),
        (b'{"shape": [1000000000, 1000000000], "data": [1]}', ["values", "got 1"]),
        (b"null", ["array of rows", "None"]),
        (b"[]", ["at least one row"]),
        (b"[[],[]]", ["at least one number"]),
        (b"[[1,2],[3]]", ["2 as the first", "got 1 at row 2"]),
        (b"[[1,2],[3,null]]", ["1 missing", "row 2, column 2"]),
        (b"[[1,2],[true,4]]", ["True", "row 2, column 1"]),
        (b'[[1,"2"]]', ["'2'", "row 1, column 2"]),
        (b"[[1,[2]]]", ["[2]", "row 1, column 2"]),
        (b"[[1,NaN]]", ["nan", "row 1, column 2"]),
        (b"[[1,-Infinity]]", ["-inf", "row 1, column 2"]),
        (b"[[1,1e999]]", ["inf", "row 1, column 2"]),
        (b"[[1," + b"9" * 400 + b"]]", ["row 1, column 2"]),
        (b"[[1," + b"9" * 100_000 + b"]]", ["JSON", "out of range"]),
        (b"[" * 100_000, ["recursion limit"]),
        (b"[[1," + b"[" * 100 + b"]" * 100 + b"]]", ["row 1, column 2"]),
        (b'[[1,"' + b"x" * 100_000 + b'"],[2,3]]', ["row 1, column 2"]),
        (b"[[\xff]]", ["JSON"]),
    ],
)
def test_bad_json_is_refused_with_its_place(body: bytes, names: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(body, JSON)
    message = str(caught.value)
    assert len(message) < 400
    for name in names:
        assert name in message


def test_an_escaped_body_of_nothing_is_empty() -> None:
    with pytest.raises(InvalidTable, match="empty"):
        decode_table(b"%0A%20", FORM)


def test_an_unknown_content_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidTable, match=r"text/csv.*'image/png'"):
        decode_table(b"1,2,3,4", "image/png")


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"1,2,3\n4,5,6", ""), (b"[[1,2,3],[4,5,6]]", JSON)]
)
def test_rows_must_agree_with_the_columns_that_the_caller_says(
    body: bytes, content_type: str
) -> None:
    assert decode_table(body, content_type, columns=3).values.shape == (2, 3)
    with pytest.raises(InvalidTable, match=r"2 columns.*got 3"):
        decode_table(body, content_type, columns=2)


@given(
    st.one_of(st.binary(), st.text(alphabet="0123456789.,e+-_ \n\r\t\x1f\x85\u2028nainf%[]")),
    st.sampled_from(["", FORM, JSON]),
    st.none() | st.integers(1, 3),
)
def test_any_bytes_are_a_finite_table_or_refused(
    body: bytes | str, content_type: str, columns: int | None
) -> None:
    data = body.encode() if isinstance(body, str) else body
    try:
        table = decode_table(data, content_type, columns=columns)
    except InvalidTable:
        return
    assert table.values.ndim == 2
    assert table.values.size > 0
    assert np.isfinite(table.values).all()
