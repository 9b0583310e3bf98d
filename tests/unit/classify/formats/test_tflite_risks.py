"""Which files may end or exhaust the process that runs them, and which cannot."""

from pathlib import Path

import numpy as np
import pytest
from unit.classify.graphs import Graph, Node, Step, build_binary, build_graphs

from meshlens.classify.formats.tflite_risks import find_risk

SIZES = np.array([2, 2], np.int32)


@pytest.mark.parametrize("file", ["digits/1/digits.tflite", "objects/1/objects.tflite"])
def test_the_models_that_ship_are_without_risk(models: Path, file: str) -> None:
    assert find_risk((models / file).read_bytes()) == ""


@pytest.mark.parametrize("operator", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
def test_division_is_a_risk_of_integers_alone(operator: str) -> None:
    assert find_risk(build_binary(operator)) == f"{operator} of integers"
    assert find_risk(build_binary(operator, "uint8")) == f"{operator} of integers"
    assert find_risk(build_binary(operator, "float32")) == ""


@pytest.mark.parametrize("operator", ["ADD", "MUL", "MAXIMUM", "LESS"])
def test_what_computes_with_values_alone_is_none(operator: str) -> None:
    assert find_risk(build_binary(operator)) == ""


def test_division_by_what_follows_from_shapes_is_none() -> None:
    tensors = [Node("x", (4,)), *(Node(name, (1,), "int32") for name in ("shape", "half"))]
    two = Node("two", (1,), "int32", np.array([2], np.int32))
    operators = [
        Step("SHAPE", ("x",), ("shape",)),
        Step("FLOOR_DIV", ("shape", "two"), ("half",)),
    ]
    assert find_risk(build_graphs(Graph([*tensors, two], operators, ["x"], ["half"]))) == ""


def test_a_size_from_an_input_is_a_risk_and_one_in_the_file_is_none() -> None:
    tensors = [Node("x", (4,)), Node("y", (2, 2))]
    reshape = [Step("RESHAPE", ("x", "sizes"), ("y",))]
    sent = [*tensors, Node("sizes", (2,), "int32")]
    assert "sizes or indices" in find_risk(
        build_graphs(Graph(sent, reshape, ["x", "sizes"], ["y"]))
    )
    fixed = [*tensors, Node("sizes", (2,), "int32", SIZES)]
    assert find_risk(build_graphs(Graph(fixed, reshape, ["x"], ["y"]))) == ""


def test_operations_that_others_bring_along_are_risks_but_for_the_detectors_own() -> None:
    def custom(name: str) -> bytes:
        operator = Step(name, ("x",), ("y",), custom={})
        return build_graphs(Graph([Node("x", (1,)), Node("y", (1,))], [operator], ["x"], ["y"]))

    assert find_risk(custom("Mine")) == "operator Mine"
    assert find_risk(custom("TFLite_Detection_PostProcess")) == ""


def test_an_open_size_is_a_risk_unless_it_is_the_batch() -> None:
    def negated(*shape: int) -> bytes:
        tensors = [Node("x", shape), Node("y", shape)]
        return build_graphs(Graph(tensors, [Step("NEG", ("x",), ("y",))], ["x"], ["y"]))

    assert find_risk(negated(-1, 3)) == ""
    assert find_risk(negated(1, -1, 3)) == "an input of any size"


@pytest.mark.parametrize("data", [b"", b"no model", build_binary("ADD")[:60]])
def test_a_file_that_cannot_be_read_is_a_risk(data: bytes) -> None:
    assert find_risk(data)
