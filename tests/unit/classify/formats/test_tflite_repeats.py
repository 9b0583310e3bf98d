"""Which files answer equal requests equally."""

from pathlib import Path

import numpy as np
import pytest
from unit.classify.color_graphs import remembering
from unit.classify.graphs import Graph, Node, Step, build_binary, build_graphs

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_repeats import find_unrepeatable


@pytest.mark.parametrize("file", ["digits/1/digits.tflite", "objects/1/objects.tflite"])
def test_the_models_that_ship_answer_equally(models: Path, file: str) -> None:
    assert find_unrepeatable((models / file).read_bytes()) == ""


@pytest.mark.parametrize("operator", ["ADD", "FLOOR_DIV", "MAXIMUM"])
def test_what_follows_from_its_inputs_does(operator: str) -> None:
    assert find_unrepeatable(build_binary(operator)) == ""


@pytest.mark.parametrize(
    "operator",
    [
        "RANDOM_UNIFORM",
        "RANDOM_STANDARD_NORMAL",
        "MULTINOMIAL",
        "VAR_HANDLE",
        "READ_VARIABLE",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "CALL_ONCE",
        "STABLEHLO_RNG_BIT_GENERATOR",
        "STABLEHLO_CUSTOM_CALL",
    ],
)
def test_chance_variables_and_tables_do_not(operator: str) -> None:
    steps = [Step(operator, ("x",), ("y",))]
    data = build_graphs(Graph([Node("x", (2,)), Node("y", (2,))], steps, ["x"], ["y"]))
    assert "is not known to follow from its inputs alone" in find_unrepeatable(data)


def test_a_custom_operator_does_not_but_for_the_detectors_own() -> None:
    def custom(name: str) -> bytes:
        operator = Step(name, ("x",), ("y",), custom={})
        return build_graphs(Graph([Node("x", (1,)), Node("y", (1,))], [operator], ["x"], ["y"]))

    assert find_unrepeatable(custom("Mine")).startswith("operator Mine is not known")
    assert find_unrepeatable(custom("TFLite_Detection_PostProcess")) == ""


def test_an_operator_of_any_graph_counts() -> None:
    nodes = [Node("x", (2,)), Node("y", (2,))]
    main = Graph(nodes, [Step("NEG", ("x",), ("y",))], ["x"], ["y"])
    other = Graph(nodes, [Step("RANDOM_UNIFORM", ("x",), ("y",))], ["x"], ["y"])
    assert find_unrepeatable(build_graphs(main)) == ""
    assert find_unrepeatable(build_graphs(main, other)) != ""


def test_a_file_that_keeps_a_state_does_not() -> None:
    assert find_unrepeatable(remembering()) == "it keeps a state"


# The recurrent one begins anew with each call.
@pytest.mark.parametrize("name", ["lstm", "good", "integer_remainder", "ssd_full_card", "yolo"])
def test_files_that_converters_have_written_do(shared: Path, name: str) -> None:
    data = (shared / f"cases/classify/models/{name}/m.tflite").read_bytes()
    assert find_unrepeatable(data) == ""


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(InvalidModel):
        find_unrepeatable(np.arange(20, dtype=np.uint8).tobytes())
