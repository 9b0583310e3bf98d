"""Which column plays which part."""

import numpy as np
import pytest
from unit.pca.tables.bodies import (
    GROUPED,
    GROUPS,
    JSON,
    NPY,
    STREAM,
    X,
    Y,
    assert_is,
    save,
    write_arrow,
)

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.parts.roles import Roles
from meshlens.pca.tables.reading import ColumnLeftOut
from meshlens.pca.tables.table import Factor, Table, decode_table


@pytest.mark.parametrize("name", GROUPED)
def test_a_column_of_names_that_repeats_itself_holds_the_groups(name: str) -> None:
    assert_is(decode_table(*GROUPED[name]), ("x", "y"), GROUPS)


def test_a_column_in_which_every_name_is_another_names_the_rows() -> None:
    table = decode_table(b"who,x,y\nann,1,2\nbob,3,4\n")
    assert (table.labels, table.groups, table.names) == (("ann", "bob"), (), ("x", "y"))


def test_rows_may_have_names_and_groups() -> None:
    table = decode_table(b"who,x,kind\nann,1,u\nbob,3,v\ncy,4,u\n")
    assert (table.labels, table.groups, table.names) == (
        ("ann", "bob", "cy"),
        ("u", "v", "u"),
        ("x",),
    )


@pytest.mark.parametrize(
    ("body", "content_type", "groups"),
    [
        (b"x,kind,y\n1.5,1,2\n3,2,-4\n5,1,6.25\n", "", ("1", "2", "1")),
        (b"x,kind,y\n1.5,01,2\n3,b,-4\n5,01,6.25\n", "", ("01", "b", "01")),
        (b'{"x":[1.5,3,5],"kind":[1,2,1],"y":[2,-4,6.25]}', JSON, ("1", "2", "1")),
        (b'{"x":[1.5,3,5],"kind":["1",2,"1"],"y":[2,-4,6.25]}', JSON, ("1", "2", "1")),
        (write_arrow({"x": X, "kind": [1, 2, 1], "y": Y}), STREAM, ("1", "2", "1")),
    ],
)
def test_a_column_of_numbers_holds_the_groups_if_the_caller_says_so(
    body: bytes, content_type: str, groups: tuple[str, ...]
) -> None:
    assert_is(decode_table(body, content_type, roles=Roles(group="kind")), ("x", "y"), groups)


def test_groups_of_an_array_are_named_by_their_place() -> None:
    table = decode_table(save(np.array([[1, 7], [2, 8], [3, 7]])), NPY, roles=Roles(group="x2"))
    assert (table.values.tolist(), table.groups) == ([[1], [2], [3]], ("7", "8", "7"))


def test_a_group_that_is_no_column_is_refused_with_the_columns() -> None:
    with pytest.raises(InvalidOption, match=r"'species'.*'x', 'y', 'kind'"):
        decode_table(*GROUPED["header"], roles=Roles(group="species"))


SITES = (
    b"spot,ph,temp,kind,easting,camp\n"
    b"A,6,20,u,3395,c\nB,6.5,27,v,3398,d\nC,6.25,23,u,3401,c\nD,7,21,v,3404,d\n"
)


def read_sites(**roles: str | tuple[str, ...]) -> Table:
    return decode_table(SITES, roles=Roles(**{"group": "kind", **roles}))  # type: ignore[arg-type] # of any kind


def test_a_column_that_is_dropped_is_no_variable_and_the_answer_says_so() -> None:
    table = read_sites(drop=("easting",))
    assert (table.names, table.labels) == (("ph", "temp"), ("A", "B", "C", "D"))
    assert table.reading.left_out == (
        ColumnLeftOut(5, "easting", "drop="),
        ColumnLeftOut(6, "camp", "it holds names, and another column names the observations"),
    )
    assert (table.reading.labels, table.reading.groups) == ("spot", "kind")


def test_only_columns_in_use_are_variables_in_their_order() -> None:
    table = read_sites(use=("temp", "ph"))
    assert (table.names, table.values[1].tolist()) == (("temp", "ph"), [27, 6.5])
    assert [column.name for column in table.reading.left_out] == ["easting", "camp"]


def test_what_colours_shapes_or_names_is_no_variable() -> None:
    table = read_sites(names="camp", color="easting", shape="camp", supplementary=("temp",))
    assert (table.names, table.labels) == (("ph",), ("c", "d", "c", "d"))
    assert table.color is not None
    assert (table.color.name, table.color.values.tolist()) == ("easting", [3395, 3398, 3401, 3404])
    assert table.shape == Factor("camp", ("c", "d", "c", "d"))
    assert table.supplementary is not None
    assert table.supplementary.values.tolist() == [[20], [27], [23], [21]]
    assert [column.name for column in table.reading.left_out] == ["spot"]


def test_a_variable_in_use_may_colour_the_points_too() -> None:
    table = read_sites(use=("ph", "temp"), color="ph")
    assert table.color is not None
    assert (table.names, table.color.name) == (("ph", "temp"), "ph")


def test_observations_that_are_left_out_take_colour_and_shape_along() -> None:
    body = SITES.replace(b"B,6.5,", b"B,,")
    roles = Roles(group="kind", color="easting", shape="camp", supplementary=("temp",))
    table = decode_table(body, roles=roles, missing=Missing.DROP)
    assert table.color is not None
    assert table.supplementary is not None
    assert table.color.values.tolist() == [3395, 3401, 3404]
    assert table.supplementary.values.tolist() == [[20], [23], [21]]
    assert (table.shape, table.numbers, table.reading.dropped) == (
        Factor("camp", ("c", "c", "d")),
        (1, 3, 4),
        (3,),
    )


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        (Roles(use=("temp", "depth")), ["use=", "'depth'", "'spot'"]),
        (Roles(use=("camp",)), ["use must name columns of numbers", "'camp'", "'c'"]),
        (Roles(color="camp"), ["color must name columns of numbers", "'camp'"]),
        (Roles(use=("temp",), drop=("temp",)), ["'temp' in use and in drop", "name it once"]),
        (Roles(drop=("kind",), group="kind"), ["'kind' in drop and in group"]),
        (Roles(use=("temp",), supplementary=("temp",)), ["in use and in supplementary"]),
        (Roles(use=("temp", "temp")), ["'temp' in use and in use"]),
    ],
)
def test_parts_that_cannot_be_are_refused_by_the_option(roles: Roles, names: list[str]) -> None:
    with pytest.raises(InvalidOption) as caught:
        decode_table(SITES, roles=roles)
    assert caught.value.option
    for name in names:
        assert name in str(caught.value)


def test_a_name_that_two_columns_share_is_not_chosen_by_chance() -> None:
    with pytest.raises(InvalidOption, match=r"use must be the name of one column.*different names"):
        decode_table(b"a,a,b\n1,2,3\n4,5,7\n", roles=Roles(use=("a",)))


@pytest.mark.parametrize(
    ("body", "hinted"),
    [
        (b"sample_id,x,y\n17,1,2\n4,3,1\n9,2,2\n", "'sample_id' (17, 4, 9, ...)"),
        (b"x,y,n\n1,2,5\n3,1,6\n2,2,7\n8,1,8\n9,9,9\n", "'n' (5, 6, 7, ...)"),
        (b"4,1,5\n5,3,3\n6,2,4\n7,8,4\n8,1,2\n", "'x1' (4, 5, 6, ...)"),
    ],
)
def test_a_variable_that_numbers_the_observations_is_hinted_at(body: bytes, hinted: str) -> None:
    (note,) = decode_table(body).reading.notes
    assert hinted in note
    assert "drop=" in note


@pytest.mark.parametrize(
    "body",
    [
        b"x,y\n1,2\n2,4\n3,1\n4,1\n5,2\n6,2\n",
        b"id,y\n1.5,2\n2,4\n",
        b"period,y\n3,2\n7,4\n",
        b"key,y\n3,2\n3,4\n",
    ],
)
def test_measurements_are_not_taken_for_numbers_of_observations(body: bytes) -> None:
    assert decode_table(body).reading.notes == ()


def test_columns_that_a_fit_does_not_know_are_left_out_and_the_answer_says_so() -> None:
    table = decode_table(b"b,id,a\n1,7,2\n3,8,4\n", variables=("a", "b"))
    assert (table.names, table.values.tolist()) == (("a", "b"), [[2, 1], [4, 3]])
    assert table.reading.left_out == (ColumnLeftOut(2, "id", "it is no variable of the fit"),)
    assert table.reading.notes == ()


MIXED = b"id,x,note,y\n001,1,12a,2\n013,3,7,4\n02b,5,,1\n"
MIXED_JSON = (
    b'[{"id":"001","x":1,"note":"12a","y":2},{"id":13,"x":3,"note":7,"y":4},'
    b'{"id":"02b","x":5,"note":null,"y":1}]'
)


@pytest.mark.parametrize(
    ("body", "content_type", "names"),
    [(MIXED, "", ("001", "013", "02b")), (MIXED_JSON, JSON, ("001", "13", "02b"))],
)
def test_what_names_observations_or_is_left_out_may_hold_anything(
    body: bytes, content_type: str, names: tuple[str, ...]
) -> None:
    table = decode_table(body, content_type, roles=Roles(names="id", drop=("note",)))
    assert (table.labels, table.names) == (names, ("x", "y"))
    assert table.reading.left_out == (ColumnLeftOut(3, "note", "drop="),)
    with pytest.raises(InvalidTable, match="drop=<name>"):
        decode_table(body, content_type, roles=Roles(names="id"))
