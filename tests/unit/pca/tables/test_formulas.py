"""Names that begin like formulas are marked as text, and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.pca.tables.formulas import mark_formula, unmark_formula

NAMES = st.text(st.sampled_from("'=+-@\t\r\n\uff1dae1.\u00e9 ")) | st.text()
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+1+1", "-1+1", "-log10(p)", "\t=1", "\r=1", "-"],
)
def test_what_a_spreadsheet_would_compute_is_marked(name: str) -> None:
    assert mark_formula(name) == f"'{name}"


@pytest.mark.parametrize(
    "name", ["", "a", "1", "-1", "+1.5", "-.5e-3", "1e5", "a=b", "a-b", "'quoted'", " =1", "5'-end"]
)
def test_other_names_and_numbers_stay(name: str) -> None:
    assert mark_formula(name) == name


@given(NAMES)
def test_a_marked_name_is_unmarked_to_what_it_was(name: str) -> None:
    assert unmark_formula(mark_formula(name)) == name


@given(NAMES)
def test_nothing_that_is_no_number_begins_like_a_formula(name: str) -> None:
    marked = mark_formula(name)
    if marked.startswith(DANGEROUS):
        float(marked)
