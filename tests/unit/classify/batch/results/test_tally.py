from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshlens.classify.batch.results.tally import Tally, merge
from meshlens.classify.formats.card import Task


def row(number: int, label: str) -> dict[str, Any]:
    if label.isupper():
        error = {"reason": label, "message": f"no {number}"}
        return {"picture": str(number), "error": error}
    return {"picture": str(number), "labels": [{"label": label}, {"label": "second"}]}


def tally(rows: list[dict[str, Any]]) -> Tally:
    total = Tally()
    for each in rows:
        total.add(Task.CLASSIFY, each, size=3)
    return total


@given(st.lists(st.sampled_from(["cat", "dog", "BAD", "WORSE"]), max_size=40), st.data())
def test_tallies_of_neighbours_add_up_to_that_of_all(
    labels: list[str], data: st.DataObject
) -> None:
    rows = [row(*each) for each in enumerate(labels)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    ends = [0, *cuts, len(rows)]
    pieces = [tally(rows[begin:end]).encode() for begin, end in pairwise(ends)]
    whole = tally(rows)
    assert merge(pieces) == whole.encode()
    assert Tally.decode(whole.encode()) == whole
    assert whole.pictures == len(labels)
    assert whole.size == 3 * len(labels)
    assert whole.labels["cat"] == labels.count("cat")
    assert whole.failed == labels.count("BAD") + labels.count("WORSE")


def test_the_first_failures_of_each_kind_are_named() -> None:
    failures = tally([row(number, "BAD") for number in range(9)]).failures["BAD"]
    assert failures.count == 9
    assert failures.first == [{"picture": f"{n}", "message": f"no {n}"} for n in range(5)]


def test_every_box_counts_by_its_label() -> None:
    total = Tally()
    boxes = [{"label": "face"}, {"label": "face"}, {"label": "car"}]
    total.add(Task.DETECT, {"picture": "a", "boxes": boxes}, size=1)
    total.add(Task.DETECT, {"picture": "b", "boxes": []}, size=1)
    assert total.labels == {"face": 2, "car": 1}
    assert (total.pictures, total.failed) == (2, 0)
