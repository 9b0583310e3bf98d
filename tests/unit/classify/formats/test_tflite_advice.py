"""What a .tflite file could gain is told by its weights, and nothing where it gains nothing."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from unit.classify.graphs import Graph, Node, Step, build_graphs, convolve, weights
from unit.classify.models import build_model

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_advice import Form, Reason, advise, read_weights

LARGE = (512, 3, 3, 128)  # 589,824 weights
SMALL = (8, 3, 3, 4)


def advised(data: bytes) -> Mapping[Reason, Form]:
    return {advice.reason: advice.to for advice in advise(data)}


@pytest.mark.parametrize("shape", [LARGE, SMALL])
def test_unsigned_integers_would_be_faster_as_signed_ones(shape: tuple[int, ...]) -> None:
    (advice,) = advise(convolve(weights(shape, "uint8", scale=0.1, zero=128)))
    assert (advice.reason, advice.to) == (Reason.INT8_FOR_UINT8, Form.INT8)
    assert (advice.cpu, advice.size) == (0.72, 1.0)
    assert "MobileNet v2" in advice.measured
    assert "classify-models export" in advice.text


def test_floats_would_be_smaller() -> None:
    data = convolve(weights(LARGE, "float32"))
    integers, halves = advise(data)
    assert (integers.reason, integers.to) == (Reason.INT8_FOR_FLOAT32, Form.INT8)
    assert (halves.reason, halves.to) == (Reason.FLOAT16_FOR_FLOAT32, Form.FLOAT16)
    assert (integers.size, halves.size) == (0.25, 0.5)
    assert (integers.cpu, halves.cpu) == (0.96, 1.0)


def test_floats_without_a_convolution_would_only_be_smaller() -> None:
    found = advised(convolve(weights(LARGE, "float32"), "FULLY_CONNECTED"))
    assert found == {Reason.FLOAT16_FOR_FLOAT32: Form.FLOAT16}


@pytest.mark.parametrize(
    "data",
    [
        convolve(weights(SMALL, "float32")),
        convolve(weights(LARGE, "int8", scale=0.1)),
        convolve(weights(LARGE, "uint8", scale=0.1)),
        convolve(weights(LARGE, "uint8")),
        convolve(weights(LARGE, "uint8", scale=0.1, zero=128), "FULLY_CONNECTED"),
        convolve(Node("weights", LARGE)),
        convolve(weights(LARGE, "float32"), "CONV_2D", Step("Own", ("made",), ("end",), custom={})),
        build_model(None),
    ],
    ids=[
        "few-floats",
        "signed",
        "no-zero-point",
        "no-scale",
        "no-convolution",
        "computed",
        "custom-operator",
        "no-weights",
    ],
)
def test_nothing_is_said_where_nothing_is_known_to_be_gained(data: bytes) -> None:
    assert advise(data) == ()


def test_weights_of_float16_are_left_alone() -> None:
    """As converters write them: an operator makes floats of them."""
    half = Node("half", LARGE, "float16", np.ones(LARGE, np.float16))
    nodes = (Node("picture", (1, 8, 8, 4)), half, Node("weights", LARGE), Node("made", (1, 8)))
    steps = (
        Step("DEQUANTIZE", ("half",), ("weights",)),
        Step("CONV_2D", ("picture", "weights"), ("made",)),
    )
    assert advise(build_graphs(Graph(nodes, steps, ("picture",), ("made",)))) == ()


def test_floats_beside_integers_are_left_alone() -> None:
    nodes = (
        Node("picture", (1, 8, 8, 4)),
        weights(LARGE, "float32"),
        Node("others", SMALL, "int8", np.ones(SMALL, "int8"), 0.1),
        Node("between", (1, 8, 8, 4)),
        Node("made", (1, 8)),
    )
    steps = (
        Step("CONV_2D", ("picture", "weights"), ("between",)),
        Step("CONV_2D", ("between", "others"), ("made",)),
    )
    data = build_graphs(Graph(nodes, steps, ("picture",), ("made",)))
    assert (read_weights(data).type, advise(data)) == ("mixed", ())


def test_the_models_that_ship_are_in_the_form_they_should_have(models: Path) -> None:
    shipped = {path.stem: path.read_bytes() for path in models.rglob("*.tflite")}
    assert {name: read_weights(data).type for name, data in shipped.items()} == {
        "digits": "float32",
        "objects": "int8",
    }
    assert not any(map(advise, shipped.values()))


def test_a_damaged_file_is_refused(digits: bytes) -> None:
    with pytest.raises(InvalidModel):
        advise(digits[:2000])


@pytest.mark.parametrize("name", ["aiy_birds_v1", "mobilenet_v1_025", "mobilenet_v2"])
def test_models_that_many_still_have_would_be_faster(shared: Path, name: str) -> None:
    (path,) = (shared / "models" / name).glob("*.tflite")
    assert advised(path.read_bytes()) == {Reason.INT8_FOR_UINT8: Form.INT8}
