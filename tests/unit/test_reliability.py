"""docs/reliability.md has every fault, and what must not be is not there."""

from history.checker import CLASSES
from history.faults import FAULTS
from reliability import PAGE, render


def test_a_section_is_a_table_of_all_columns() -> None:
    section = {"title": "Load", "text": "At once.", "rows": [{"a": 1, "b": 2}, {"a": 3, "c": "x"}]}
    assert render(section) == (
        "## Load\n\nAt once.\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 |  |\n| 3 |  | x |\n"
    )


def test_the_page_has_every_fault_and_no_promise_is_broken() -> None:
    faults = PAGE.read_text().partition("## Faults")[2].partition("\n## ")[0]
    head, _, *rows = (line.strip("| ").split(" | ") for line in faults.split("\n") if "|" in line)
    table = [dict(zip(head, row, strict=True)) for row in rows]
    assert {row["fault"] for row in table} == {fault.name for fault in FAULTS}
    for row in table:
        assert [row[name] for name in (*CLASSES[:3], "wrong")] == ["0", "0", "0", "0"], row
        assert int(row["answered"]) > 0
