"""What people write for a number, and what only looks like one."""

import pytest

from meshlens.pca.tables.cells import dissect, is_missing, looks_numeric, may_be_unit


@pytest.mark.parametrize(
    ("cell", "point", "comma"),
    [
        ("1234.5", 1234.5, None),
        ("1,234", 1234.0, 1.234),
        ("1.234", 1.234, 1234.0),
        ("1.234,5", None, 1234.5),
        ("1,234,567.8", 1234567.8, None),
        ("12,34,567", 1234567.0, None),
        ("0,123", None, 0.123),
        ("1234,567", None, 1234.567),
        ("1 234", 1234.0, 1234.0),
        ("1\u202f234,5", None, 1234.5),
        ("1'234.5", 1234.5, None),
        ("1\u2019234", 1234.0, 1234.0),
        ("\u22121.5", -1.5, None),
        ("\u20133", -3.0, -3.0),
        ("(3)", -3.0, -3.0),
        ("3-", -3.0, -3.0),
        ("+.5", 0.5, None),
        ("1.5D+01", 15.0, None),
        ("\uff11\uff12", 12.0, 12.0),
    ],
)
def test_a_number_has_the_readings_that_its_marks_allow(
    cell: str, point: float | None, comma: float | None
) -> None:
    numeral = dissect(cell)
    assert numeral is not None
    assert (numeral.number("."), numeral.number(",")) == (point, comma)


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("12.5%", "%"),
        ("$3", "$"),
        ("-$3", "$"),
        ("3 kg", "kg"),
        ("EUR 3", "EUR"),
        ("3 µg/m³", "µg/m³"),
    ],
)
def test_a_unit_stands_before_or_behind_a_number(cell: str, unit: str) -> None:
    numeral = dissect(cell)
    assert numeral is not None
    assert numeral.unit == unit
    assert may_be_unit(numeral)


@pytest.mark.parametrize("cell", ["5th", "3b", "12x"])
def test_letters_of_ordinals_and_codes_are_no_unit(cell: str) -> None:
    numeral = dissect(cell)
    assert numeral is not None
    assert not may_be_unit(numeral)


@pytest.mark.parametrize(
    "cell", ["1/2", "0x10", "1_000", "<0.5", "1.2±0.1", "USD 3?500", "1,23,4", "(3", "\u0661"]
)
def test_what_looks_like_a_number_but_is_none_is_told_from_names(cell: str) -> None:
    assert dissect(cell) is None
    assert looks_numeric(cell)


@pytest.mark.parametrize(
    "cell",
    ["S01", "A-12", "2021-03-04", "3.4.2021", "12:30", "10-19", "SW1A 1AA", "12 Main St", ""],
)
def test_names_dates_times_and_ranges_are_no_numbers(cell: str) -> None:
    assert dissect(cell) is None
    assert not looks_numeric(cell)


@pytest.mark.parametrize("cell", ["", " NA ", "n/a", "N/a", "\u2014", "#DIV/0!", "-1.#IND", "<na>"])
def test_missing_numbers_are_written_in_many_ways(cell: str) -> None:
    assert is_missing(cell)


def test_a_cell_of_any_length_is_read_in_linear_time() -> None:
    assert dissect("9" * 1_000_000 + "x") is None
    assert dissect("1,234" * 200_000) is None
