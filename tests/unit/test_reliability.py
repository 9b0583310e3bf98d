"""docs/reliability.md has every fault, and what must not be is not there."""

from documents import table
from history.checker import CLASSES
from history.faults import FAULTS


def test_the_page_has_every_fault_and_no_promise_is_broken() -> None:
    rows = table("docs/reliability.md", "Faults")
    assert {row["fault"] for row in rows} == {fault.name for fault in FAULTS}
    for row in rows:
        assert [row[name] for name in (*CLASSES[:3], "wrong")] == ["0", "0", "0", "0"], row
        assert int(row["answered"]) > 0
