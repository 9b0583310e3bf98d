"""Where two answers differ, and by how much."""

from typing import Any

import numpy as np
import pytest

from meshlens.command.traffic.answers.comparison import (
    Comparison,
    Deviation,
    Difference,
    Tolerance,
)
from meshlens.command.traffic.answers.reading import Message, Reading, Tensor, Tree

NAN, INF = float("nan"), float("inf")


def tensor(values: object, datatype: str = "FP32") -> Tensor:
    return Tensor(datatype, np.array(values, np.float32))


def texts(*values: bytes) -> Tensor:
    return Tensor("BYTES", np.array(values, object))


def answer(*messages: Message, status: str = "200", text: str = "") -> Reading:
    return Reading(status, text, messages)


def compare(first: Reading, second: Reading, **tolerance: float) -> Comparison:
    comparison = Comparison(Tolerance(**tolerance))
    comparison.compare(first, second)
    return comparison


def compare_tensors(first: Tensor, second: Tensor, **tolerance: float) -> Comparison:
    return compare(answer(Message({"y": first})), answer(Message({"y": second})), **tolerance)


def compare_trees(first: Tree, second: Tree, **tolerance: float) -> list[Difference]:
    one, other = answer(Message(rest=first)), answer(Message(rest=second))
    return compare(one, other, **tolerance).differences


def test_a_status_that_differs_hides_what_follows_from_it() -> None:
    first, second = answer(Message(rest={"a": 1})), answer(status="404", text="no such model")
    assert compare(first, second).differences == [
        Difference("status", "200", "404"),
        Difference("text", "", "no such model"),
    ]


def test_numbers_within_the_tolerance_are_equal_and_their_distance_is_kept() -> None:
    found = compare_tensors(tensor([1, 2]), tensor([1, 2.5]), absolute=0.1, relative=0.2)
    assert found.differences == []
    assert found.deviations == {"outputs.y": Deviation(0.5, 0.25)}


def test_numbers_beyond_it_are_named_by_the_first_of_them() -> None:
    found = compare_tensors(tensor([[1, 2], [3, 4]]), tensor([[1, 2], [7, 5]]))
    assert found.differences == [
        Difference("outputs.y", "3.0", "7.0", "2 of 4 elements, the first at [1, 0]")
    ]


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (NAN, NAN, True),
        (NAN, 1, False),
        (1, NAN, False),
        (INF, INF, True),
        (INF, -INF, False),
        (INF, 1e30, False),
        (0, 1e-9, True),
        (0, -0.0, True),
    ],
)
def test_what_is_no_number_equals_only_itself(first: float, second: float, *, equal: bool) -> None:
    found = compare_tensors(tensor(first), tensor(second), absolute=1e-6, relative=1e-3)
    assert (found.differences == []) is equal


def test_integers_that_doubles_cannot_tell_apart_differ() -> None:
    big = 2**60
    first, second = (Tensor("INT64", np.array([it])) for it in (big, big + 1))
    assert len(compare_tensors(first, second).differences) == 1
    assert compare_tensors(first, second, relative=1e-9).differences == []


def test_a_large_tensor_is_compared_to_its_end() -> None:
    numbers = np.zeros(3_000_000, np.float32)
    other = numbers.copy()
    other[[2_500_000, -1]] = 1
    found = compare_tensors(Tensor("FP32", numbers), Tensor("FP32", other))
    assert "2 of 3000000 elements, the first at [2500000]" in found.differences[0].note


def test_datatypes_shapes_and_names_of_outputs_are_compared() -> None:
    first = answer(Message({"a": tensor([1]), "b": tensor([1]), "c": tensor([1])}))
    second = answer(Message({"a": tensor([1], "FP64"), "b": tensor([1, 2])}))
    assert compare(first, second).differences == [
        Difference("outputs.a.datatype", "FP32", "FP64"),
        Difference("outputs.b.shape", "[1]", "[2]"),
        Difference("outputs.c", "FP32 [1]", "nothing"),
    ]


def test_the_order_of_outputs_does_not_matter() -> None:
    first = answer(Message({"a": tensor([1]), "b": tensor([2])}))
    second = answer(Message({"b": tensor([2]), "a": tensor([1])}))
    assert compare(first, second).differences == []


def test_classes_are_compared_by_their_order_and_their_values_by_the_tolerance() -> None:
    first = texts(b"0.900000:2:apple", b"0.100000:0:pear")
    near = texts(b"0.900001:2:apple", b"0.100000:0:pear")
    swapped = texts(b"0.900000:0:pear", b"0.100000:2:apple")
    assert compare_tensors(first, near, relative=1e-4).differences == []
    assert compare_tensors(first, near).differences[0].note.startswith("1 of 2 elements")
    (found,) = compare_tensors(first, swapped, relative=1e-4).differences
    assert (found.first, found.second) == ("0.900000:2:apple", "0.900000:0:pear")


@pytest.mark.parametrize(
    ("first", "second", "place", "shown"),
    [
        ({"a": 1}, {"a": 2}, "a", ("1", "2")),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b", ("x", "y")),
        ({"a": 1}, {}, "a", ("1", "nothing")),
        ([{"a": 1}], [{"a": 1}, {"a": 1}], "body.length", ("1", "2")),
        ([{"a": "x"}], [{"a": "y"}], "body.0.a", ("x", "y")),
        (["x", "y"], ["y", "x"], "body.0", ("x", "y")),
        ({"p": [[1.0, 2.0]]}, {"p": [[1.0, 3.0]]}, "p", ("2.0", "3.0")),
        (True, 1, "body", ("True", "1")),
        (b"\xff", b"a\n", "body", ("\\xff", "a\\n")),
        ("x" * 300, "y", "body", ("x" * 119 + "…", "y")),
    ],
)
def test_all_else_is_compared_as_a_tree(
    first: Any,  # noqa: ANN401 - JSON
    second: Any,  # noqa: ANN401 - JSON
    place: str,
    shown: tuple[str, str],
) -> None:
    found = compare_trees(first, second)[0]
    assert (found.place, found.first, found.second) == (place, *shown)


def test_numbers_in_a_tree_have_the_tolerance_too() -> None:
    first, second = {"p": [[1.0], [2]], "q": 3}, {"p": [[1.1], [2.0]], "q": 3.0}
    assert compare_trees(first, second, relative=0.11) == []


def test_messages_of_a_stream_are_compared_each() -> None:
    first = answer(Message({"y": tensor(1)}), Message({"y": tensor(1)}))
    second = answer(Message({"y": tensor(1)}), Message({"y": tensor(2)}))
    assert [it.place for it in compare(first, second).differences] == ["messages.2.outputs.y"]
    shorter = answer(Message({"y": tensor(1)}))
    assert compare(first, shorter).differences == [Difference("messages", "2", "1")]


def test_places_that_match_a_pattern_are_left_out() -> None:
    comparison = compare(
        answer(Message({"y": tensor(1)}, {"id": "1"})),
        answer(Message({"y": tensor(2)}, {"id": "2"})),
    )
    comparison.leave_out(["outputs.*"])
    assert [it.place for it in comparison.differences] == ["id"]


def test_a_tree_that_is_too_deep_to_compare_is_a_difference() -> None:
    first: list[Any] = ["x"]
    second: list[Any] = ["x"]
    for _ in range(5000):
        first, second = [first], [second]
    assert [it.place for it in compare_trees(first, second)] == ["nesting"]
