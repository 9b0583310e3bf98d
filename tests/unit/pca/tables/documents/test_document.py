"""JSON: rows, records, columns, split tables and tensors."""

import json

import pytest
from unit.pca.tables.bodies import JSON, VALUES

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.table import decode_table


def test_json_rows_are_rows() -> None:
    assert decode_table(b"[[1, 2.5], [3, -4e1]]", JSON).values.tolist() == [[1, 2.5], [3, -40]]


def test_the_index_of_a_split_table_names_the_rows() -> None:
    body = json.dumps({"columns": ["x", "y"], "data": VALUES, "index": ["p", "q", "r"]})
    assert decode_table(body.encode(), JSON).labels == ("p", "q", "r")


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
