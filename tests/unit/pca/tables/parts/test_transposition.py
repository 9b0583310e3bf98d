"""Rows as variables and columns as observations."""

import pytest

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.parts.roles import Roles
from meshlens.pca.tables.reading import ColumnLeftOut
from meshlens.pca.tables.table import decode_table

GENES = b"gene\tchr\tlength\ts1\ts2\ts3\ng1\t1\t900\t10\t12\t30\ng2\t1\t450\t5\t4\t7\n"


def test_rows_become_variables_and_columns_observations() -> None:
    table = decode_table(b"gene\ts1\ts2\ts3\ng1\t10\t12\t30\ng2\t5\t4\t7\n", transpose=True)
    assert (table.names, table.labels) == (("g1", "g2"), ("s1", "s2", "s3"))
    assert table.values.tolist() == [[10, 5], [12, 4], [30, 7]]
    assert table.reading.transposed
    assert table.reading.labels == "gene"


def test_columns_that_describe_the_variables_can_be_dropped() -> None:
    table = decode_table(GENES, transpose=True, roles=Roles(drop=("chr", "length")))
    assert (table.names, table.labels) == (("g1", "g2"), ("s1", "s2", "s3"))
    assert [column.name for column in table.reading.left_out] == ["chr", "length"]


def test_names_that_repeat_name_no_variables_and_are_left_out() -> None:
    body = b"gene,kind,s1,s2\ng1,a,1,2\ng2,a,3,5\n"
    table = decode_table(body, transpose=True)
    assert table.names == ("g1", "g2")
    assert table.reading.left_out == (
        ColumnLeftOut(
            2, "kind", "it holds names that occur twice, so it cannot name the variables"
        ),
    )


def test_a_missing_number_is_named_where_it_is_in_the_input() -> None:
    body = b"gene,s1,s2,s3\ng1,1,2,4\ng2,3,,5\n"
    with pytest.raises(InvalidTable, match=r"row 3, column 3 \(s2\)"):
        decode_table(body, transpose=True)
    table = decode_table(body, transpose=True, missing=Missing.DROP)
    assert (table.labels, table.reading.dropped) == (("s1", "s3"), (3,))


def test_new_columns_are_matched_with_a_fit_by_the_names_of_the_rows() -> None:
    body = b"gene,s9\ng2,5\ng3,7\ng1,8\n"
    table = decode_table(body, transpose=True, variables=("g1", "g2"))
    assert (table.names, table.values.tolist()) == (("g1", "g2"), [[8, 5]])
    with pytest.raises(InvalidTable, match=r"row 4, column 2 \(s9\)"):
        decode_table(b"gene,s9\ng2,5\ng3,7\ng1,\n", transpose=True, variables=("g1", "g2"))


@pytest.mark.parametrize("role", ["group", "color", "shape"])
def test_a_column_cannot_describe_observations_that_are_columns(role: str) -> None:
    with pytest.raises(InvalidOption, match="each column is an observation") as caught:
        decode_table(GENES, transpose=True, roles=Roles(**{role: "length"}))  # type: ignore[arg-type] # a name
    assert caught.value.option == role
