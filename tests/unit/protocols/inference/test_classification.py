import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.inference.classification import classify


def test_the_largest_come_first_with_their_labels() -> None:
    scores = np.array([[0.1, 0.05, 0.9]], np.float32)
    texts = classify("y", scores, 2, ["pear", "plum", "apple"])
    assert texts.tolist() == [[b"0.900000:2:apple", b"0.100000:0:pear"]]


def test_a_tensor_without_a_batch_gives_a_list() -> None:
    assert classify("y", np.array([3, 200], np.uint8), 5, ()).tolist() == [b"200:1", b"3:0"]


def test_labels_for_other_classes_are_left_out() -> None:
    assert classify("y", np.array([3, 4]), 1, ["one"]).tolist() == [b"4:1"]


def test_nan_is_no_ones_class() -> None:
    scores = np.array([np.nan, -np.inf, 1.0])
    assert classify("y", scores, 3, ()).tolist()[0] == b"1.000000:2"


@given(
    scores=arrays(np.int8, st.tuples(st.integers(1, 4), st.integers(1, 9))),
    count=st.integers(1, 12),
)
def test_equals_come_in_their_order(scores: np.ndarray, count: int) -> None:
    texts = classify("y", scores, count, ())
    assert texts.shape == (len(scores), min(count, scores.shape[1]))
    for row, answered in zip(scores.tolist(), texts.tolist(), strict=True):
        best = sorted(range(len(row)), key=lambda index: (-row[index], index))
        assert answered == [f"{row[index]}:{index}".encode() for index in best[:count]]


def test_nothing_has_no_classes() -> None:
    assert classify("y", np.empty((2, 0), np.float32), 3, ()).shape == (2, 0)
    assert classify("y", np.empty((0, 2), np.float32), 3, ()).shape == (0, 2)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (np.zeros(1, np.bool_), "unsupported type 'BOOL'"),
        (np.array([b"x"], object), "unsupported type 'BYTES'"),
        (np.zeros(1_000_001, np.uint8), "more than 1000000 elements, got 1000001"),
    ],
)
def test_what_has_no_order_is_refused(output: np.ndarray, words: str) -> None:
    with pytest.raises(Refused, match=words):
        classify("y", output, 1, ())
