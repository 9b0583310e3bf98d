"""What a model's numbers are is read from the operators that produce them."""

from collections.abc import Callable

import pytest
from unit.classify.color_graphs import Graph, remembering
from unit.classify.models import build_model

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.producers import Numbers
from meshlens.classify.formats.tflite_graph import read_graphs

Build = Callable[[Graph], int]


def judge(build: Build) -> Numbers:
    graph = Graph()
    output = build(graph)
    return read_graphs(graph.finish(output)).outputs[0][output]


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (("FULLY_CONNECTED", "SOFTMAX"), Numbers.DISTRIBUTION),
        (("FULLY_CONNECTED", "LOGISTIC"), Numbers.PROBABILITIES),
        (("SOFTMAX", "RESHAPE", "DEQUANTIZE", "QUANTIZE"), Numbers.DISTRIBUTION),
        (("SOFTMAX", "STRIDED_SLICE"), Numbers.PROBABILITIES),
        (("SOFTMAX", "MEAN"), Numbers.PROBABILITIES),
        (("SOFTMAX", "MAXIMUM", "MINIMUM"), Numbers.PROBABILITIES),
        (("LOG_SOFTMAX", "EXP"), Numbers.DISTRIBUTION),
        (("SOFTMAX", "LOG"), Numbers.UNKNOWN),
        (("SOFTMAX", "FULLY_CONNECTED"), Numbers.REALS),
        (("FULLY_CONNECTED", "RESHAPE"), Numbers.REALS),
        (("FULLY_CONNECTED", "RELU"), Numbers.UNKNOWN),
        (("FULLY_CONNECTED", "L2_NORMALIZATION"), Numbers.UNKNOWN),
        (("SOFTMAX", "ARG_MAX", "CAST"), Numbers.INDICES),
        (("SOFTMAX", "TOPK_V2"), Numbers.SORTED),
        ((), Numbers.REALS),
    ],
)
def test_operators_in_a_row_tell_what_numbers_are(
    operators: tuple[str, ...], expected: Numbers
) -> None:
    (numbers,) = read_graphs(build_model(None, operators=operators)).outputs[0].values()
    assert numbers is expected


def average_of_two(graph: Graph) -> int:
    one = graph.softmax(graph.channels())
    other = graph.softmax(graph.apply("MUL", [graph.channels(), graph.constant(0.5)], (1, 3)))
    both = graph.apply("ADD", [one, other], (1, 3))
    return graph.apply("MUL", [both, graph.constant(0.5)], (1, 3))


def joined(graph: Graph) -> int:
    whole = graph.softmax(graph.channels())
    parts = [graph.part(whole, (0, at), (1, size)) for at, size in ((0, 1), (1, 2))]
    return graph.apply("CONCATENATION", parts, (1, 3))


def weighted_by_another(graph: Graph) -> int:
    share = graph.apply("LOGISTIC", [graph.channels()], (1, 3))
    return graph.apply("MUL", [share, graph.channels()], (1, 3))


def by_hand(graph: Graph) -> int:
    powers = graph.apply("EXP", [graph.channels()], (1, 3))
    total = graph.apply("SUM", [powers, graph.constant([1], "int32")], (1, 1))
    return graph.apply("DIV", [powers, total], (1, 3))


def by_another_sum(graph: Graph) -> int:
    powers = graph.apply("EXP", [graph.channels()], (1, 3))
    others = graph.apply("EXP", [graph.channels()], (1, 3))
    total = graph.apply("SUM", [others, graph.constant([1], "int32")], (1, 1))
    return graph.apply("DIV", [powers, total], (1, 3))


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (average_of_two, Numbers.PROBABILITIES),
        (joined, Numbers.PROBABILITIES),
        (by_hand, Numbers.DISTRIBUTION),
        (by_another_sum, Numbers.UNKNOWN),
        (weighted_by_another, Numbers.UNKNOWN),
        (Graph.channels, Numbers.REALS),
    ],
)
def test_operators_of_several_inputs_tell_what_numbers_are(build: Build, expected: Numbers) -> None:
    assert judge(build) is expected


def test_each_output_is_judged_by_its_own_operators() -> None:
    graph = Graph()
    logits = graph.channels()
    outputs = logits, graph.softmax(logits)
    (found,) = read_graphs(graph.finish(*outputs)).outputs
    assert found == {outputs[0]: Numbers.REALS, outputs[1]: Numbers.DISTRIBUTION}


def test_a_model_with_variable_tensors_keeps_a_state() -> None:
    assert read_graphs(remembering()).keeps_state
    graph = Graph()
    assert not read_graphs(graph.finish(graph.channels())).keeps_state


def test_a_model_tells_the_range_of_floats_that_it_quantizes() -> None:
    graph = Graph()
    scale = (1 / 128, 0)
    whole = graph.apply("QUANTIZE", [graph.image], (1, 8, 8, 3), "int8", quantization=scale)
    (inputs,) = read_graphs(graph.finish(whole)).inputs
    assert inputs == {graph.image: (-1.0, 127 / 128)}


def test_a_loop_of_operators_ends() -> None:
    graph = Graph()
    logits = graph.channels()
    again = graph.apply("ADD", [logits, logits], (1, 3))
    graph.close_loop(logits, again)
    assert read_graphs(graph.finish(again)).outputs[0][again] is Numbers.UNKNOWN


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(InvalidModel):
        read_graphs(b"no model")
