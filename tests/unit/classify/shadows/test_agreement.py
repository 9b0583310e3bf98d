"""How far two answers agree, against counts by hand."""

import math

import numpy as np
import pytest

from meshlens.classify.errors import WrongTask
from meshlens.classify.formats.labels import Label
from meshlens.classify.shadows.agreement import (
    Boxes,
    Labels,
    compare,
    compare_boxes,
    compare_labels,
    compare_tensors,
)
from meshlens.classify.tasks.chain.answer import ChainAnswer
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.classification.verdicts import judge
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import DetectionAnswer
from meshlens.classify.tasks.tensors.predictor import TensorsAnswer


def classified(**probabilities: float) -> ClassificationAnswer:
    labels = [Label(index, *each) for index, each in enumerate(probabilities.items())]
    return ClassificationAnswer(labels=labels, verdict=judge(labels[0], "object"))


def box(label: str, x1: float, x2: float) -> Box:
    return Box(label, 0.9, x1, 0, x2, 10)


def test_equal_probabilities_have_no_distance() -> None:
    same = {"cat": 0.5, "dog": 0.3, "cow": 0.2}
    assert compare_labels(same, same) == Labels(
        same=True, among=True, first=0.0, largest=0.0, distance=0.0
    )


def test_labels_that_an_answer_does_not_list_count_as_one() -> None:
    found = compare_labels(
        {"cat": 0.5, "dog": 0.3}, {"dog": 0.6, "cat": 0.3, "cow": 0.06, "owl": 0.04}
    )
    assert not found.same
    assert found.among
    assert found.first == pytest.approx(0.2)
    assert found.largest == pytest.approx(0.3)
    # cat 0.2, dog 0.3, the rest 0.2 and 0.1.
    assert found.distance == pytest.approx((0.2 + 0.3 + 0.1) / 2)


def test_a_label_that_the_other_has_not_has_no_probability_there() -> None:
    found = compare_labels({"cat": 1.0}, {"Katze": 1.0})
    assert (found.same, found.among, found.distance) == (False, False, 1.0)


def test_the_first_label_is_looked_for_among_five() -> None:
    others = {"a": 0.3, "b": 0.2, "c": 0.2, "d": 0.1, "e": 0.1, "cat": 0.1}
    assert not compare_labels({"cat": 1.0}, others).among
    del others["c"]
    assert compare_labels({"cat": 1.0}, others).among


def test_probabilities_of_no_distribution_have_the_largest_difference_as_distance() -> None:
    found = compare_labels({"cat": 0.9, "dog": 0.8}, {"cat": 0.7, "dog": 0.75, "owl": 0.6})
    assert found.distance == found.largest == pytest.approx(0.2)


def test_boxes_match_by_label_and_overlap_the_closest_first() -> None:
    answer = [box("cat", 0, 10), box("dog", 20, 30), box("cow", 50, 60)]
    # 10 x 10 against 10 x 10, moved by 2: 80 of 120; by 1: 90 of 110; by 5: 50 of 150.
    other = [box("cat", 2, 12), box("cat", 1, 11), box("owl", 20, 30), box("cow", 55, 65)]
    found = compare_boxes(answer, other)
    assert found == Boxes(("cat",), ("dog", "cow"), ("cat", "owl", "cow"), found.overlap)
    assert found.overlap == pytest.approx(90 / 110)
    assert found.distance == pytest.approx(1 - 2 / 7)


def test_no_boxes_agree_with_no_boxes_and_with_none_else() -> None:
    assert compare_boxes([], []).distance == 0
    assert compare_boxes([], [box("cat", 0, 1)]).distance == 1
    assert compare_boxes([box("cat", 0, 1)], []).distance == 1


@pytest.mark.parametrize(
    ("one", "two", "within", "absolute"),
    [
        ([1.0, 2.0], [1.0, 2.0], True, 0.0),
        ([1.0, 100.0], [1.0, 100.05], True, 0.05),
        ([1.0, 2.0], [1.0, 2.5], False, 0.5),
        (["NaN", "Infinity"], ["NaN", "Infinity"], True, 0.0),
        (["NaN", 1.0], [1.0, 1.0], False, math.inf),
        ([1.0], [[1.0]], False, math.inf),
        (["cat"], ["cat"], True, 0.0),
        (["cat"], ["dog"], False, math.inf),
        (["Infinity"], [5.0], False, math.inf),
        ([5.0], ["Infinity"], False, math.inf),
        (["Infinity"], ["-Infinity"], False, math.inf),
        ([1.7e308], [-1.7e308], False, math.inf),
        # Texts are no numbers, whatever they look like.
        (["1000001"], ["1000002"], False, math.inf),
        (["007"], ["7"], False, math.inf),
        (["nan"], ["NAN"], False, math.inf),
        (["1"], [1], False, math.inf),
        # A double rounds both to the same.
        ([2**53 + 1], [2**53], True, 1.0),
        ([2**63 - 1], [2**63 - 2], True, 1.0),
        ([-(2**63)], [2**63 - 1], False, 2.0**64),
        ([], [], True, 0.0),
    ],
)
def test_tensors_are_the_same_but_for_a_tolerance(
    one: object, two: object, *, within: bool, absolute: float
) -> None:
    found = compare_tensors({"y": one}, {"y": two})
    assert found.within == within
    assert found.absolute == pytest.approx(absolute)


def test_an_output_that_only_one_has_differs() -> None:
    found = compare_tensors({"a": [1], "b": [1]}, {"a": [1], "c": [1]})
    assert (found.within, found.unlike) == (False, ("b", "c"))


def test_the_relative_difference_is_a_share_of_the_answer() -> None:
    assert compare_tensors({"y": [4.0]}, {"y": [3.0]}).relative == pytest.approx(0.25)


def test_a_box_without_an_area_matches_its_like_only() -> None:
    assert compare_boxes([box("cat", 5, 5)], [box("cat", 5, 5)]).matched == ("cat",)
    assert compare_boxes([box("cat", 5, 5)], [box("dog", 5, 5)]).distance == 1
    assert compare_boxes([box("cat", 5, 5)], [box("cat", 4, 6)]).distance == 1


def test_outputs_without_elements_have_shapes_all_the_same() -> None:
    one, two = (TensorsAnswer(outputs={"y": []}, shapes={"y": [0, size]}) for size in (3, 4))
    assert compare(one, one).agreed
    assert (compare(one, two).agreed, compare(one, two).distance) == (False, math.inf)


def test_answers_are_compared_by_their_task() -> None:
    labels = compare(classified(cat=0.6, dog=0.4), classified(dog=0.7, cat=0.3))
    assert (labels.agreed, labels.among) == (False, True)
    assert (labels.classes, labels.first, labels.other) == ((("cat", False),), "cat", "dog")
    one = DetectionAnswer(width=1, height=1, count=1, boxes=[box("cat", 0, 10)])
    none = DetectionAnswer(width=1, height=1, count=0, boxes=[])
    boxes = compare(one, none)
    assert (boxes.agreed, boxes.missing, boxes.first, boxes.other) == (False, 1, "1 box", "0 boxes")
    assert boxes.classes == (("cat", False),)
    assert compare(TensorsAnswer(outputs={"y": [1]}), TensorsAnswer(outputs={"y": [1]})).agreed
    with pytest.raises(WrongTask, match="must have the task of the version that answers"):
        compare(one, classified(cat=1.0))


def test_a_chain_is_compared_with_nothing() -> None:
    none = DetectionAnswer(width=1, height=1, count=0, boxes=[])
    chain = ChainAnswer(width=1, height=1, count=0, boxes=[], members=[])
    with pytest.raises(WrongTask, match="compared with a model, got a chain"):
        compare(chain, none)


def test_arrays_are_compared_as_lists_are() -> None:
    numbers = np.array([1.0, 2.0], np.float32)
    assert compare_tensors({"y": numbers}, {"y": numbers * np.float32(1.0005)}).within
    assert compare_tensors({"y": numbers}, {"y": numbers + 1}).absolute == 1
    texts, others = np.array([b"cat", b"dog"], object), np.array([b"cat", b"cow"], object)
    assert compare_tensors({"y": texts}, {"y": texts.copy()}).within
    assert compare_tensors({"y": texts}, {"y": others}).unlike == ("y",)
    assert compare_tensors({"y": texts}, {"y": texts[:1]}).unlike == ("y",)
    numerals = np.array([b"1000001"], object), np.array([b"1000002"], object)
    assert compare_tensors({"y": numerals[0]}, {"y": numerals[1]}).unlike == ("y",)
    turned = np.array([1 + 1j], np.complex64)
    assert compare_tensors({"y": turned}, {"y": turned}).within
    assert compare_tensors({"y": turned}, {"y": turned.conj()}).absolute == 2
