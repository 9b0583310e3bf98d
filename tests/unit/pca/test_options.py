"""How text is written, as callers say it."""

import pytest

from meshlens.pca.errors import InvalidOption
from meshlens.pca.options import FitOptions, parse_options


@pytest.mark.parametrize(
    ("text", "mark"), [("tab", "\t"), ("space", " "), ("pipe", "|"), (";", ";"), ("/", "/")]
)
def test_a_delimiter_is_named_or_given_as_itself(text: str, mark: str) -> None:
    assert parse_options(FitOptions, {"delimiter": text}).delimiter == mark


@pytest.mark.parametrize(("text", "mark"), [("point", "."), ("comma", ","), (",", ",")])
def test_a_decimal_mark_is_named_or_given_as_itself(text: str, mark: str) -> None:
    assert parse_options(FitOptions, {"decimal": text}).decimal == mark


def test_marks_of_missing_numbers_and_rows_to_leave_out_are_lists() -> None:
    options = parse_options(FitOptions, {"na": "-99, lost", "skip": "1-3,12"})
    assert options.na == {"-99", "lost"}
    assert options.skip == {1, 2, 3, 12}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"delimiter": "ab"}, "option delimiter: it must be comma"),
        ({"delimiter": "1"}, "option delimiter"),
        ({"decimal": ";"}, r"option decimal: it must be \. or ,"),
        ({"skip": "x"}, "option skip: it must be numbers of rows"),
        ({"skip": "0"}, "option skip: a range must be in order"),
        ({"skip": "5-2"}, "option skip: a range must be in order"),
        ({"skip": "1-999999999"}, "option skip: a range must be in order"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(query: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        parse_options(FitOptions, query)
