"""The pages of what was measured."""

from sections import render


def test_a_section_is_a_table_of_all_columns() -> None:
    section = {"title": "Load", "text": "At once.", "rows": [{"a": 1, "b": 2}, {"a": 3, "c": "x"}]}
    assert render(section) == (
        "## Load\n\nAt once.\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 |  |\n| 3 |  | x |\n"
    )
