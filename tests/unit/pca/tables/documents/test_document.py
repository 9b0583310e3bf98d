"""JSON: rows, records, columns, split tables and tensors."""

import json
from typing import Any, Literal

import pytest
from unit.pca.tables.bodies import BINARY, JSON, VALUES

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.parts.roles import Roles
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
        (b'[[1,"2"],[1,"x"]]', ["'x'", "row 2, column 2"]),
        (b'[[1,"2"],[1,3]]', ["'2'", "row 1, column 2"]),
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


WORDS = ("a", "b", "a")
ROWS = ("p", "q", "r")
COLUMNS: dict[str, list[Any]] = {"x": [1.5, 3.0, 5.0], "y": [2, -4, 6.25], "kind": [*WORDS]}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
# The shapes of pandas' DataFrame.to_json, with names of rows.
PANDAS: dict[str, object] = {
    "columns": {name: dict(zip(ROWS, cells, strict=True)) for name, cells in COLUMNS.items()},
    "index": dict(zip(ROWS, RECORDS, strict=True)),
    "split": {
        "columns": [*COLUMNS],
        "index": [*ROWS],
        "data": [[*row.values()] for row in RECORDS],
    },
    "table": {
        "schema": {
            "fields": [{"name": name, "type": "any"} for name in ("row", *COLUMNS)],
            "primaryKey": ["row"],
            "pandas_version": "1.4.0",
        },
        "data": [{"row": row} | record for row, record in zip(ROWS, RECORDS, strict=True)],
    },
}


@pytest.mark.parametrize("orient", PANDAS)
def test_every_orient_of_pandas_is_read_with_its_names(orient: str) -> None:
    table = decode_table(json.dumps(PANDAS[orient]).encode(), JSON)
    assert (table.names, table.labels, table.groups) == (("x", "y"), ROWS, WORDS)
    assert table.values.tolist() == VALUES
    assert table.reading.format == f"pandas {orient}"
    assert table.reading.notes == ()


def test_rows_that_pandas_has_numbered_have_no_names() -> None:
    for document in (
        {"x": {"0": 1.5, "1": 3, "2": 5}, "y": {"0": 2, "1": -4, "2": 6.25}},
        {str(at): {"x": x, "y": y} for at, (x, y) in enumerate(VALUES)},
        {
            "schema": {"fields": [], "primaryKey": ["index"]},
            "data": [{"index": at, "x": x, "y": y} for at, (x, y) in enumerate(VALUES)],
        },
    ):
        table = decode_table(json.dumps(document).encode(), JSON)
        assert (table.names, table.labels) == (("x", "y"), ())
        assert table.values.tolist() == VALUES
        assert table.reading.notes == ()


def test_where_neither_keys_nor_cells_decide_it_is_the_default_of_pandas_and_noted() -> None:
    table = decode_table(b'{"a": {"p": 1, "q": 2}, "b": {"p": 3, "q": 5}}', JSON)
    assert (table.names, table.labels) == (("a", "b"), ("p", "q"))
    assert table.values.tolist() == [[1, 3], [2, 5]]
    (note,) = table.reading.notes
    assert "'a', 'b'" in note
    assert "transpose=true" in note
    assert decode_table(
        b'{"a": {"p": 1, "q": 2}, "b": {"p": 3, "q": 5}}', JSON, transpose=True
    ).names == ("p", "q")


def test_the_column_of_groups_shows_which_keys_are_the_variables() -> None:
    body = b'{"p": {"a": 1, "b": 2}, "q": {"a": 3, "b": 5}}'
    table = decode_table(body, JSON, roles=Roles(group="b"))
    assert (table.names, table.labels, table.groups) == (("a",), ("p", "q"), ("2", "5"))


def test_cells_absent_from_an_object_are_missing() -> None:
    body = b'{"a": {"0": 1, "1": 2, "2": 4}, "b": {"0": 3, "2": 5}}'
    table = decode_table(body, JSON, missing=Missing.DROP)
    assert table.values.tolist() == [[1, 3], [4, 5]]


def test_several_keys_together_name_a_row() -> None:
    document = {
        "schema": {"fields": [], "primaryKey": ["site", "year"]},
        "data": [{"site": "a", "year": 1, "x": 2}, {"site": "a", "year": 2, "x": 5}],
    }
    table = decode_table(json.dumps(document).encode(), JSON)
    assert (table.names, table.labels) == (("x",), ("a, 1", "a, 2"))


@pytest.mark.parametrize("header", [None, True])
def test_the_first_row_may_name_the_columns(header: Literal[True] | None) -> None:
    table = decode_table(b'[["x", "y"], [1.5, 2], [3, -4], [5, 6.25]]', JSON, header=header)
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)
    assert table.reading.header_row == 1
    with pytest.raises(InvalidTable, match=r"1 missing .*row 3, column 2 \(y\)"):
        decode_table(b'[["x", "y"], [1.5, 2], [3, null]]', JSON, header=header)


def test_the_first_row_holds_no_names_if_the_caller_says_so() -> None:
    with pytest.raises(InvalidTable, match=r"got 'x' at row 1, column 1"):
        decode_table(b'[["x", "y"], [1.5, 2], [3, -4]]', JSON, header=False)
    with pytest.raises(InvalidTable, match="a row of names only"):
        decode_table(b'[["x", "y"]]', JSON, header=True)
    assert decode_table(b"[[1990, 1991], [1, 2], [3, 5]]", JSON, header=True).names == (
        "1990",
        "1991",
    )


def test_rows_of_names_and_numbers_have_no_header() -> None:
    table = decode_table(b'[["p", 1], ["q", 2], ["p", 3]]', JSON)
    assert (table.values.tolist(), table.groups) == ([[1], [2], [3]], ("p", "q", "p"))


@pytest.mark.parametrize(
    ("cells", "values", "note"),
    [
        ("[true, false, true]", [1, 0, 1], "true and false are read as 1 and 0: column 2 (b)"),
        ('["1.5", "-2", "3e1"]', [1.5, -2, 30], "numbers in quotes are read as numbers: "),
        ('[1.5, "NA", 3]', None, "words that stand for missing numbers"),
        ('["1.5", "", 3]', None, None),
    ],
)
def test_what_is_taken_for_a_number_is_noted(
    cells: str, values: list[float] | None, note: str | None
) -> None:
    body = f'{{"a": [1, 2, 4], "b": {cells}}}'.encode()
    if note is None:
        with pytest.raises(InvalidTable, match=r"got '1.5' at row 1, column 2 \(b\)"):
            decode_table(body, JSON)
        return
    table = decode_table(body, JSON, missing=Missing.DROP)
    column = values or [1.5, 3]
    assert table.values[:, 1].tolist() == column
    assert table.reading.notes[0].startswith(note)


@pytest.mark.parametrize(
    "content_type", [JSON, "application/x-ndjson", "application/jsonl", BINARY, "", "text/csv"]
)
def test_json_lines_are_records(content_type: str) -> None:
    body = "\n".join(map(json.dumps, RECORDS)) + "\n\n"
    table = decode_table(body.encode(), content_type)
    assert (table.names, table.groups, table.values.tolist()) == (("x", "y"), WORDS, VALUES)
    assert table.reading.format == "JSON lines"


def test_json_lines_may_be_rows() -> None:
    table = decode_table(b'["x","y"]\r\n[1.5,2]\r\n[3,-4]\r\n[5,6.25]', "application/x-ndjson")
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)
    assert decode_table(json.dumps(VALUES).encode(), "application/x-ndjson").values.tolist() == (
        VALUES
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a":1}\n{"a":\n', r"every line must be JSON, .* in line 2;"),
        (b"[1,2]\n[3,4],[5,6]\n", r"every line must be JSON, .* in line 2;"),
        (b'{"a":1}\n[2]\n', r"got \[2\] as row 2"),
        (b"[1,2]\n[3]\n", r"2 as the first, got 1 at row 2"),
        (b"[1,2],\n[3,4]", r"the body must be JSON"),
    ],
)
def test_bad_json_lines_are_refused_with_their_place(body: bytes, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        decode_table(body, JSON)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
@pytest.mark.parametrize("content_type", [JSON, BINARY])
def test_json_shows_its_encoding(encoding: str, content_type: str) -> None:
    body = json.dumps(RECORDS).encode(encoding)
    assert decode_table(body, content_type).values.tolist() == VALUES


def test_json_that_is_cut_within_a_character_is_refused() -> None:
    with pytest.raises(InvalidTable, match="UTF-16"):
        decode_table(json.dumps(RECORDS).encode("utf-16")[:-1], JSON)


def test_text_whose_header_has_brackets_is_no_json() -> None:
    table = decode_table(b"[Ca],[Mg]\n1.5,2\n3,-4\n5,6.25\n", BINARY)
    assert (table.names, table.values.tolist()) == (("[Ca]", "[Mg]"), VALUES)


@pytest.mark.parametrize(
    ("document", "form"),
    [
        (VALUES, "JSON rows"),
        (RECORDS, "JSON records"),
        (COLUMNS, "JSON columns"),
        ({"shape": [1, 2], "data": [1, 2], "datatype": "FP64"}, "Open Inference tensor"),
    ],
)
def test_every_shape_is_named(document: object, form: str) -> None:
    assert decode_table(json.dumps(document).encode(), JSON).reading.format == form


@pytest.mark.parametrize(
    "cells", [["12.5%", "7%"], ["1,299", None], ["3 kg", "4 kg"], ["$1", "NA"]]
)
def test_numbers_that_are_dressed_are_refused_not_taken_for_names(cells: list[str | None]) -> None:
    body = json.dumps({"a": [1, 2], "b": cells}).encode()
    with pytest.raises(InvalidTable, match=r"must be a JSON number, got '.*' at row 1, column 2"):
        decode_table(body, JSON)
    assert decode_table(body, JSON, roles=Roles(group="b")).groups[0] == cells[0]
