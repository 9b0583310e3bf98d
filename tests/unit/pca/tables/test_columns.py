"""Which columns hold groups, and which name the observations."""

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

from meshlens.pca.errors import InvalidOption
from meshlens.pca.tables.table import decode_table


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
    assert_is(decode_table(body, content_type, group="kind"), ("x", "y"), groups)


def test_groups_of_an_array_are_named_by_their_place() -> None:
    table = decode_table(save(np.array([[1, 7], [2, 8], [3, 7]])), NPY, group="x2")
    assert (table.values.tolist(), table.groups) == ([[1], [2], [3]], ("7", "8", "7"))


def test_a_group_that_is_no_column_is_refused_with_the_columns() -> None:
    with pytest.raises(InvalidOption, match=r"'species'.*'x', 'y', 'kind'"):
        decode_table(*GROUPED["header"], group="species")
