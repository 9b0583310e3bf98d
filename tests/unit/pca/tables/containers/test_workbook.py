"""Excel workbooks: one sheet as the text that Excel would export."""

import datetime as dt
import math
import sys
import zipfile
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
import pytest
from unit.pca.tables.bodies import BINARY, NAMED, VALUES, write_workbook, write_zip

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.table import decode_table

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXCEL = "application/vnd.ms-excel"
Rows: TypeAlias = list[list[Any]]
HEADER = ["x", "y"]
ROWS: Rows = [HEADER, *VALUES]


SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"


def change(body: bytes, name: str, old: bytes, new: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(body)) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    assert old in files[name]
    return write_zip({**files, name: files[name].replace(old, new, 1)})


@pytest.mark.parametrize("content_type", ["", XLSX, EXCEL, BINARY, "text/csv", "application/zip"])
def test_a_workbook_is_known_by_its_bytes(content_type: str) -> None:
    table = decode_table(write_workbook({"Data": ROWS}), content_type)
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)
    assert table.reading.format == "Excel workbook, sheet Data"
    assert (table.reading.delimiter, table.reading.encoding) == ("", "")


@pytest.mark.parametrize("content_type", [XLSX, EXCEL])
def test_delimited_text_under_the_name_of_excel_is_text(content_type: str) -> None:
    assert decode_table(NAMED["semicolons"][0], content_type).values.tolist() == VALUES


def test_names_of_rows_and_groups_are_found_as_in_text() -> None:
    rows: Rows = [["who", *HEADER, "kind"]] + [
        [who, *row, kind] for who, row, kind in zip("pqr", VALUES, "aba", strict=True)
    ]
    table = decode_table(write_workbook({"Data": rows}))
    assert (table.names, table.labels) == (("x", "y"), ("p", "q", "r"))
    assert (table.groups, table.values.tolist()) == (("a", "b", "a"), VALUES)


def test_numbers_are_kept_to_the_last_bit() -> None:
    values = [[0.1 + 0.2, 1.0], [-1e-300, 1e300], [math.pi, 2**53]]
    body = write_workbook({"Data": [HEADER, *values]})
    # Excel writes 17 digits, where this writer writes 16.
    body = change(body, SHEET, b"<v>0.3</v>", b"<v>0.30000000000000004</v>")
    np.testing.assert_array_equal(decode_table(body).values, np.array(values))


def test_cells_of_text_may_hold_what_separates_cells() -> None:
    rows: Rows = [['a "b"\tc', "length, mm;"], *VALUES]
    assert decode_table(write_workbook({"Data": rows})).names == ('a "b"\tc', "length, mm;")
    assert decode_table(write_workbook({"Data": [["a, b; c"], [1], [2]]})).names == ("a, b; c",)


def test_the_first_sheet_with_numbers_is_read_and_the_others_named() -> None:
    body = write_workbook(
        {
            "About": [["read", "me"], ["well", "please"]],
            "Secret": [HEADER, [1, 2]],
            "Data": ROWS,
            "More": [HEADER, [7, 8], [9, 11]],
        },
        hidden=["Secret"],
    )
    table = decode_table(body)
    assert table.values.tolist() == VALUES
    (note,) = table.reading.notes
    assert "'About', 'Data', 'More', 'Secret'" in note
    assert "'Data' is read, the first with numbers; say sheet=<name>" in note
    assert decode_table(body, sheet="More").values.tolist() == [[7, 8], [9, 11]]
    assert decode_table(body, sheet="More").reading.notes == ()


def test_a_sheet_that_is_not_there_is_an_invalid_option() -> None:
    with pytest.raises(InvalidOption, match="got sheet='data'; the sheets are 'Data'") as caught:
        decode_table(write_workbook({"Data": ROWS}), sheet="data")
    assert caught.value.option == "sheet"


@pytest.mark.parametrize("sheets", [{"A": []}, {"A": [["x", "y"]], "B": [["z"]]}])
def test_a_workbook_without_numbers_is_refused(sheets: dict[str, Rows]) -> None:
    with pytest.raises(InvalidTable, match="must hold numbers, got none in 'A'"):
        decode_table(write_workbook(sheets))


def test_a_table_may_begin_anywhere_in_its_sheet() -> None:
    rows: Rows = [[], [], *[[None, None, *row, None] for row in ROWS], [], [None, ""]]
    table = decode_table(write_workbook({"Data": rows}))
    assert (table.names, table.values.tolist()) == (("x", "y"), VALUES)


def test_an_empty_cell_is_a_missing_number() -> None:
    body = write_workbook({"Data": [HEADER, [1, 2], [None, 3], [5, None], [7, 9]]})
    table = decode_table(body, missing=Missing.DROP)
    assert table.values.tolist() == [[1, 2], [7, 9]]


def test_one_row_is_one_observation() -> None:
    assert decode_table(write_workbook({"Data": [[1, 2, 3, 4]]})).values.tolist() == [[1, 2, 3, 4]]


def test_dates_name_the_observations() -> None:
    days = [dt.datetime(2024, 1, day, tzinfo=None) for day in (1, 2, 3)]  # noqa: DTZ001 - Excel knows no zones
    rows: Rows = [["day", *HEADER], *[[day, *row] for day, row in zip(days, VALUES, strict=True)]]
    table = decode_table(write_workbook({"Data": rows}))
    assert table.labels == ("2024-01-01", "2024-01-02", "2024-01-03")
    assert table.values.tolist() == VALUES


def test_a_formula_that_was_never_computed_is_a_missing_number_and_noted() -> None:
    body = write_workbook({"Data": [HEADER, [1, 2], [3, "=A2+1"], [5, 7]]})
    table = decode_table(body, missing=Missing.DROP)
    assert table.values.tolist() == [[1, 2], [5, 7]]
    assert table.reading.notes[0].startswith("formulas without a stored value")


@pytest.mark.slow
def test_a_wide_gap_between_two_cells_takes_no_memory() -> None:
    rows: Rows = [[None] * 9_000 + [1], *([1] for _ in range(5000))]
    with pytest.raises(InvalidTable, match="may have 8388608 cells"):
        decode_table(write_workbook({"Data": rows}))


LAUGHS = b"".join(b'<!ENTITY e%d "%b">' % (at, b"&e%d;" % (at - 1) * 10) for at in range(1, 20))
HOSTILE: dict[str, tuple[str, bytes, bytes, str]] = {
    "entities in a sheet": (
        SHEET,
        b"<worksheet",
        b'<!DOCTYPE s [<!ENTITY e0 "1">%b]><worksheet' % LAUGHS,
        "entities",
    ),
    "entities in the styles": (
        STYLES,
        b"<styleSheet",
        b'<!DOCTYPE s [<!ENTITY e0 "1">]><styleSheet',
        "entities",
    ),
    "a hundred thousand styles": (STYLES, b"<fonts", b"<x/>" * 100_000 + b"<fonts", "elements"),
    "a hundred thousand columns": (
        SHEET,
        b"<sheetData",
        b"<cols>" + b'<col min="1" max="1"/>' * 100_000 + b"</cols><sheetData",
        "elements",
    ),
    "a row beyond the grid": (SHEET, b'<row r="2"', b'<row r="9999999999"', "at most 1048576 rows"),
    "a row that is no number": (SHEET, b'<row r="2"', b'<row r="two"', "damaged"),
    "a cell beyond the grid": (SHEET, b'r="A2"', b'r="AAAAAA2"', "damaged"),
    "XML cut short": (SHEET, b"</sheetData>", b"", "damaged"),
    "no XML at all": (SHEET, b"<worksheet", b"1,2", "damaged"),
    "a number that is none": (SHEET, b"<v>1.5</v>", b"<v>1,5</v>", "damaged"),
    "text that is not there": (SHEET, b'<c r="A2" t="n"><v>', b'<c r="A2" t="s"><v>9', "damaged"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_workbook_that_was_tampered_with_is_refused(name: str) -> None:
    part, old, new, message = HOSTILE[name]
    body = change(write_workbook({"Data": ROWS}), part, old, new)
    with pytest.raises(InvalidTable, match=message) as caught:
        decode_table(body)
    assert len(str(caught.value)) < 400


def test_what_follows_the_cells_is_not_read() -> None:
    merged = b'</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells><nonsense>'
    body = change(write_workbook({"Data": ROWS}), SHEET, b"</sheetData>", merged)
    assert decode_table(body).values.tolist() == VALUES


def test_without_the_extra_a_workbook_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    body = write_workbook({"Data": ROWS})
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.delitem(sys.modules, "meshlens.pca.tables.containers.workbook", raising=False)
    monkeypatch.delattr("meshlens.pca.tables.containers.workbook", raising=False)
    with pytest.raises(InvalidTable, match=r"got an Excel workbook, without openpyxl; .*\[xlsx\]"):
        decode_table(body, XLSX)
