from pathlib import Path
from typing import Any

from meshlens.classify.batch.command.report import report

SUMMARY: dict[str, Any] = {
    "model": {"model": "digits", "version": "2"},
    "pictures": 100,
    "answered": 97,
    "labels": {f"kind {number:02d}": 20 - number for number in range(13)},
    "failures": {
        "INVALID_IMAGE": {"count": 2, "first": [{"picture": "a.jpg", "message": "no picture"}]},
        "IMAGE_TOO_LARGE": {"count": 1, "first": [{"picture": "b.jpg", "message": "too large"}]},
    },
    "format": "parquet",
}


def test_the_most_frequent_labels_and_the_failures_by_kind_are_reported() -> None:
    first, *lines = report(SUMMARY, Path("job"))
    assert first == "97 of 100 pictures answered by digits@2"
    assert lines[0] == "      20 kind 00"
    assert lines[9:] == [
        "      11 kind 09",
        "      27 others, of 3 labels",
        "       1 IMAGE_TOO_LARGE, such as",
        "         b.jpg: too large",
        "       2 INVALID_IMAGE, such as",
        "         a.jpg: no picture",
        "Answers: job/results/*.parquet; all counts: job/summary.json",
    ]


def test_labels_that_are_as_frequent_come_in_the_order_of_their_names() -> None:
    lines = [*report({**SUMMARY, "labels": {"b": 1, "a": 1, "c": 2}, "failures": {}}, Path("job"))]
    assert [line.split()[1] for line in lines[1:4]] == ["c", "a", "b"]
