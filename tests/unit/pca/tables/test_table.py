"""Every way to write a table says the same, and whatever comes is a table or refused."""

import json
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.pca.tables.bodies import (
    BINARY,
    FORM,
    GROUPS,
    JSON,
    NAMED,
    NPY,
    STRUCTURED,
    UNNAMED,
    VALUES,
    X,
    Y,
    assert_is,
    grouped,
    save,
    write_arrow,
)

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import MOST_VARIABLES
from meshlens.pca.tables.parts.roles import Roles
from meshlens.pca.tables.table import decode_table

finite = st.floats(allow_nan=False, allow_infinity=False)

tables = st.integers(1, 4).flatmap(
    lambda p: st.lists(st.lists(finite, min_size=p, max_size=p), min_size=2, max_size=20)
)


@pytest.mark.parametrize("name", NAMED)
def test_names_are_kept(name: str) -> None:
    assert_is(decode_table(*NAMED[name]), ("x", "y"))


@pytest.mark.parametrize("name", UNNAMED)
def test_numbers_need_no_names(name: str) -> None:
    assert_is(decode_table(*UNNAMED[name]))


@pytest.mark.parametrize("name", ["commas", "columns", "C order", "Arrow stream", "Arrow file"])
def test_an_octet_stream_is_what_its_first_bytes_say(name: str) -> None:
    body, _ = (NAMED | UNNAMED)[name]
    assert decode_table(body, BINARY).values.tolist() == VALUES


def test_one_observation_is_a_table() -> None:
    assert decode_table(b"1,2").values.shape == (1, 2)


@pytest.mark.slow
@given(tables)
def test_every_way_to_write_a_table_is_read_to_the_last_bit(rows: list[list[float]]) -> None:
    lines = "\n".join(",".join(map(repr, row)) for row in rows)
    line = ",".join(repr(value) for row in rows for value in row)
    p = len(rows[0])
    for table in (
        decode_table(lines.encode(), header=False),
        decode_table(line.encode(), columns=p),
        decode_table(quote_plus(lines).encode(), FORM, header=False),
        decode_table(json.dumps(rows).encode(), JSON),
    ):
        np.testing.assert_array_equal(table.values, np.array(rows))


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


@pytest.mark.slow
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


@pytest.mark.slow
@given(st.data())
def test_damaged_binary_is_a_table_or_refused(data: st.DataObject) -> None:
    body = bytearray(
        data.draw(
            st.sampled_from(
                [
                    save(np.array(VALUES)),
                    save(STRUCTURED),
                    write_arrow(grouped({"x": X, "y": Y})),
                    write_arrow(grouped({"x": X, "y": Y}), compression="lz4"),
                    write_arrow({"x": X, "kind": GROUPS}, file=True, compression="zstd"),
                ]
            )
        )
    )
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=4)
    ):
        body[at] = byte
    del body[data.draw(st.integers(len(body) // 2, len(body))) :]
    try:
        table = decode_table(bytes(body), BINARY)
    except InvalidTable:
        return
    assert np.isfinite(table.values).all()


@pytest.mark.parametrize("names", ["a,b,b", "a,a,b", "b,a,b,a"])
def test_a_column_that_comes_twice_is_refused_where_names_are_matched(names: str) -> None:
    row = ",".join("1" * len(names.split(",")))
    with pytest.raises(InvalidTable, match=r"a variable of the fit must be the name of one column"):
        decode_table(f"{names}\n{row}\n".encode(), variables=("a", "b"))


def test_named_columns_are_put_in_the_order_of_the_variables() -> None:
    table = decode_table(b"b,kind,a\n1,u,2\n3,v,4\n5,u,6\n", variables=("a", "b"))
    assert (table.names, table.groups) == (("a", "b"), ("u", "v", "u"))
    assert table.values.tolist() == [[2, 1], [4, 3], [6, 5]]
    with pytest.raises(InvalidTable, match=r"1 missing .*row 2, column 3 \(a\)"):
        decode_table(b"b,kind,a\n1,u,\n3,v,4\n", variables=("a", "b"))


@pytest.mark.parametrize(
    ("names", "got"),
    [
        ("a,c", "got no column 'b' but 'c';"),
        ("b,a,a", "got several columns 'a';"),
        ("a", "got no column 'b';"),
    ],
)
def test_other_names_than_the_variables_are_refused(names: str, got: str) -> None:
    row = ",".join("1" * len(names.split(",")))
    with pytest.raises(InvalidTable, match=got):
        decode_table(f"{names}\n{row}\n".encode(), variables=("a", "b"))


def test_variables_that_were_never_named_take_columns_of_any_names() -> None:
    table = decode_table(b"b,a\n1,2\n", variables=("x1", "x2"))
    assert (table.names, table.values.tolist()) == (("b", "a"), [[1, 2]])


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b"a,b,c\n1,,3\n", {"variables": ("a", "b", "c")}),
        (b"c,more,b,a\n3,9,NA,1\n", {"variables": ("a", "b", "c")}),
        (b"u,v,w\n1,-,3\n", {"variables": ("x1", "x2", "x3")}),
        (b"n,a,b,c\nk,1,,3\n", {"columns": 3}),
    ],
)
def test_a_column_that_must_be_there_is_missing_where_it_is_empty(
    body: bytes, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidTable, match=r"1 missing .*: row 2, column [23] \([bv]\); complete"):
        decode_table(body, **options)
    model = fit(np.array([[1.0, 20, 3], [3, 40, 4], [5, 60, 8]]))
    table = decode_table(body, missing=Missing.MEAN, model=model, **options)
    assert (table.values.tolist(), table.filled) == ([[1, 40, 3]], 1)
    assert "empty" not in {column.why for column in table.reading.left_out}


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b"a,b,\n1,2,\n3,4,\n", {"columns": 2}),
        (b"a,b,c\n1,2,\n3,4,\n", {"variables": ("a", "b")}),
        (b"a,,b\n1,,2\n3,,4\n", {"variables": ("x1", "x2")}),
    ],
)
def test_an_empty_column_that_nothing_needs_is_left_out(
    body: bytes, options: dict[str, Any]
) -> None:
    table = decode_table(body, **options)
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert [column.why for column in table.reading.left_out] == ["empty"]


@pytest.mark.slow
def test_the_widest_table_is_read_and_one_column_more_is_not() -> None:
    widest = np.ones((2, MOST_VARIABLES), dtype=np.int8)
    assert decode_table(save(widest), NPY).values.shape == widest.shape
    with pytest.raises(InvalidTable, match="at most 100000 variables, got 100001"):
        decode_table(save(np.ones((2, MOST_VARIABLES + 1), dtype=np.int8)), NPY)


def test_a_table_of_groups_only_has_no_numbers() -> None:
    with pytest.raises(InvalidTable, match="at least one column must hold numbers"):
        decode_table(save(np.ones((3, 1))), NPY, roles=Roles(group="x1"))


def test_numbers_whose_sum_overflows_are_finite_all_the_same() -> None:
    body = b"1.7e308,1.7e308\n1.7e308,1\n"
    assert decode_table(body).values.tolist() == [[1.7e308, 1.7e308], [1.7e308, 1]]
    table = decode_table(body, missing=Missing.MEAN)
    assert (table.filled, table.dropped) == (0, 0)
    table = decode_table(body, missing=Missing.DROP)
    assert (len(table.values), table.filled, table.dropped) == (2, 0, 0)


def test_dropping_keeps_the_names_and_groups_of_what_is_left() -> None:
    body = b"who,x,kind\nann,1,u\nbob,,v\ncy,4,u\ndee,5,v\n"
    table = decode_table(body, missing=Missing.DROP)
    assert (table.labels, table.groups) == (("ann", "cy", "dee"), ("u", "u", "v"))
    assert (table.values.tolist(), table.filled, table.dropped) == ([[1], [4], [5]], 0, 1)
