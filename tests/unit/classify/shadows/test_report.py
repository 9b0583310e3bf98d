"""A report has what was counted, and no more than fits."""

import math

import pytest

from meshlens.classify.shadows.agreement import Comparison
from meshlens.classify.shadows.report import Book, UnlikeLabels
from meshlens.classify.shadows.tally import MOST_CLASSES, MOST_WORST, Tally
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.detection.detector import DetectionAnswer


def found(distance: float, label: str = "cat", other: str = "cat") -> Comparison:
    agreed = label == other
    return Comparison(agreed, distance, ((label, agreed),), label, other, among=True)


def test_the_report_equals_a_count_by_hand() -> None:
    book = Book("pets", "1", "a" * 64, "2", "b" * 64, kind=ClassificationAnswer)
    for tally in book.tallies:
        tally.offered = 6
        tally.dropped["LOAD"] += 1
        tally.failed["MODEL_TOO_SLOW"] += 1
        tally.add(found(0.0), "s0", 0.01, 0.02)
        tally.add(found(0.03), "s1", 0.01, 0.04)
        tally.add(found(0.6, other="dog"), "s2", 0.03, 0.02)
        tally.add(found(0.2, "dog", "owl"), "s3", 0.03, 0.04)
    report = book.report()
    assert (report.offered, report.compared, report.agreed) == (6, 4, 2)
    assert report.offered == report.compared + sum(
        [*report.dropped.values(), *report.failed.values()]
    )
    assert report.among_first_five == 4
    assert report.dropped == {"LOAD": 1}
    assert report.failed == {"MODEL_TOO_SLOW": 1}
    assert report.distance
    assert report.distance.mean == pytest.approx(0.83 / 4)
    assert report.distance.largest == 0.6
    assert report.distance.counts == (1, 0, 0, 1, 0, 1, 0, 1, 0)
    counts = {label: (share.seen, share.agreed) for label, share in report.classes.items()}
    assert counts == {"cat": (3, 2), "dog": (1, 0)}
    worst = [(each.sha256, each.distance, each.answer, each.shadow) for each in report.worst]
    assert worst == [
        ("s2", 0.6, "cat", "dog"),
        ("s3", 0.2, "dog", "owl"),
        ("s1", 0.03, "cat", "cat"),
    ]
    assert report.seconds["answering"].mean == pytest.approx(0.02)
    assert report.seconds["shadow"].longest == 0.04
    assert report.boxes is None


def test_boxes_are_counted_one_by_one() -> None:
    book = Book("pets", "1", "", "2", kind=DetectionAnswer)
    for matched, missing, additional in ((2, 1, 0), (1, 0, 3)):
        comparison = Comparison(
            agreed=False,
            distance=0.5,
            matched=matched,
            missing=missing,
            additional=additional,
            overlap=0.8 * matched,
        )
        book.tally.add(comparison, "s", 0.1, 0.1)
    boxes = book.report().boxes
    assert boxes
    assert boxes.model_dump() == {"matched": 3, "missing": 1, "additional": 3, "overlap": 0.8}


def test_what_cannot_be_measured_is_the_worst_and_leaves_the_mean() -> None:
    book = Book("m", "1", "", "2")
    book.tally.add(Comparison(agreed=False, distance=math.inf), "s0", 0.1, 0.1)
    book.tally.add(Comparison(agreed=False, distance=3.0), "s1", 0.1, 0.1)
    report = book.report()
    assert report.distance
    assert (report.distance.mean, report.distance.largest, report.distance.counts[-1]) == (3, 3, 2)
    assert [each.distance for each in report.worst] == [None, 3.0]
    assert '"distance":null' in report.model_dump_json()


def test_the_mean_of_large_distances_is_a_number() -> None:
    book = Book("m", "1", "", "2")
    for number in range(3):
        book.tally.add(Comparison(agreed=False, distance=1.5e308), str(number), 0, 0)
    report = book.report()
    assert report.distance
    assert report.distance.mean == pytest.approx(1.5e308)


def test_where_nothing_can_be_measured_there_is_no_mean() -> None:
    book = Book("m", "1", "", "2")
    book.tally.add(Comparison(agreed=False, distance=math.inf), "a", 0, 0)
    report = book.report()
    assert report.distance
    assert (report.distance.mean, report.distance.largest) == (None, None)
    assert report.distance.counts[-1] == 1


def test_it_takes_no_more_memory_for_more_inputs() -> None:
    tally = Tally()
    for number in range(2 * MOST_CLASSES):
        tally.add(found(number / MOST_CLASSES, str(number)), f"s{number}", 0.1, 0.1)
    assert len(tally.seen) == MOST_CLASSES + 1
    assert tally.seen[""] == MOST_CLASSES
    assert sum(tally.seen.values()) == 2 * MOST_CLASSES
    assert [each.sha256 for each in sorted(tally.worst, reverse=True)] == [
        f"s{2 * MOST_CLASSES - 1 - place}" for place in range(MOST_WORST)
    ]


def test_what_is_fresh_is_taken_once() -> None:
    book = Book("m", "1", "", "2")
    assert book.take_fresh() is None
    for tally in book.tallies:
        tally.offered += 1
    fresh = book.take_fresh()
    assert fresh
    assert fresh.offered == 1
    assert book.take_fresh() is None
    assert book.report().offered == 1


def test_what_fails_or_is_dropped_after_it_was_taken_as_offered_is_taken_too() -> None:
    book = Book("m", "1", "", "2")
    book.fresh.offered = 2
    assert book.take_fresh()
    book.fresh.failed["MODEL_TOO_SLOW"] += 1
    taken = book.take_fresh()
    assert taken
    assert (taken.offered, taken.failed) == (0, {"MODEL_TOO_SLOW": 1})
    book.fresh.dropped["STOPPED"] += 1
    taken = book.take_fresh()
    assert taken
    assert taken.dropped == {"STOPPED": 1}
    assert book.take_fresh() is None


def test_labels_that_only_one_has_are_named() -> None:
    assert UnlikeLabels.of(["cat", "dog"], ["dog", "cat"]) is None
    unlike = UnlikeLabels.of(["cat", "dog"], ["dog", "Katze", "Kuh"])
    assert unlike
    assert unlike.model_dump() == {"version": ["cat"], "shadow": ["Katze", "Kuh"], "count": 3}
