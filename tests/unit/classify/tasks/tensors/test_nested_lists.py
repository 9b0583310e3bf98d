"""Tensors in JSON: what a model wants, or a message that says what is wrong."""

import json
import math
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import binary, floats, lists
from installed import need_module
from numpy.typing import NDArray
from unit.classify.fake_engine import FakeEngine

from meshlens.classify.engines.engine import TensorSpec
from meshlens.classify.errors import InvalidTensor
from meshlens.classify.tasks.tensors.nested_lists import decode_tensors, encode_tensors


def signature(dtype: str, shape: tuple[int, ...] | None) -> FakeEngine:
    engine = FakeEngine(np.zeros(1, np.float32))
    engine.inputs = (TensorSpec("x", shape, np.dtype(dtype)),)
    return engine


@pytest.mark.parametrize(
    ("dtype", "shape", "value", "expected"),
    [
        ("f4", (-1, 2), [[1, 2.5]], np.array([[1, 2.5]], np.float32)),
        ("f4", (), 20, np.float32(20)),
        ("f4", None, [1.5], np.array([1.5], np.float32)),
        ("i4", (2,), [1, -2], np.array([1, -2], np.int32)),
        ("u1", (1,), [255], np.array([255], np.uint8)),
        ("?", (1,), [True], np.array([True])),
        ("f4", (0,), [], np.zeros(0, np.float32)),
        ("O", (-1,), ["a", "ä"], np.array([b"a", "ä".encode()], object)),
        ("O", (-1,), [{"b64": "AP8A"}, "a"], np.array([b"\0\xff\0", b"a"], object)),
        ("O", (), {"b64": ""}, np.array(b"", object)),
        ("f4", (-1,), ["NaN", "Infinity", "-Infinity", 1], np.array([np.nan, np.inf, -np.inf, 1])),
        ("f4", (1,), [math.nan], np.array([np.nan])),
        ("c8", (-1,), [[1, -2.5]], np.array([1 - 2.5j])),
        ("c16", (-1,), [1.5], np.array([1.5])),
        ("c8", (), [0, 1], np.array(1j)),
        ("c8", None, [[0, "Infinity"]], np.array([complex(0, math.inf)])),
    ],
)
def test_lists_become_what_the_model_wants(
    dtype: str, shape: tuple[int, ...] | None, value: object, expected: NDArray[np.generic]
) -> None:
    tensor = decode_tensors({"x": value}, signature(dtype, shape))["x"]
    assert tensor.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(tensor, expected)


@pytest.mark.parametrize(
    ("dtype", "shape", "values", "named"),
    [
        ("f4", (1,), {}, "expected the inputs x, got none"),
        ("f4", (1,), {"x": [1], "y": [1]}, "y"),
        ("f4", (1,), {"x": [1, 2]}, r"shape \(1,\), got \(2,\)"),
        ("f4", (-1, 2), {"x": [1, 2]}, "shape"),
        ("f4", (1,), {"x": [[1], [1, 2]]}, "unequal length"),
        ("f4", (1,), {"x": ["one"]}, "float32"),
        ("f4", (1,), {"x": [None]}, "float32"),
        ("f4", (1,), {"x": {"a": 1}}, "float32"),
        ("f4", (1,), {"x": [1e39]}, "numbers that float32 can hold, got 1e[+]39"),
        ("f4", (), {"x": -1e39}, "numbers that float32 can hold, got -1e[+]39"),
        ("f2", (2,), {"x": ["Infinity", 70_000]}, "numbers that float16 can hold, got 70000"),
        ("c8", None, {"x": [[0, 1e39]]}, "numbers that complex64 can hold, got 1e[+]39j"),
        ("i4", (1,), {"x": [1.5]}, "int32"),
        ("u1", (1,), {"x": [256]}, "from 0 to 255"),
        ("i4", (1,), {"x": [10**30]}, "int32"),
        ("O", (1,), {"x": [1]}, r'must hold texts, got 1; send strings, or {"b64"'),
        ("O", (1,), {"x": [{"b64": "AP8A", "more": 1}]}, "must hold texts"),
        ("O", (1,), {"x": [{"b64": "A"}]}, "must hold base64"),
        ("O", (1,), {"x": [["a"], ["a", "b"]]}, "unequal length"),
        ("O", (1,), {"x": ["a", ["b"]]}, "unequal length"),
        ("O", (1,), {"x": ["a", "b"]}, r"shape \(1,\), got \(2,\)"),
        ("f4", (1,), {"x": [{"b64": "AP8A"}]}, "float32"),
        ("f4", (1,), {"x": ["nan"]}, "float32"),
        ("c8", None, {"x": [1.5]}, r"each as \[real, imaginary\]"),
    ],
)
def test_what_is_wrong_is_named(
    dtype: str, shape: tuple[int, ...], values: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidTensor, match=named):
        decode_tensors(values, signature(dtype, shape))


def test_numbers_become_bfloat16() -> None:
    need_module("ml_dtypes", "uv sync --group train")
    import_module("ml_dtypes")  # tells numpy
    given = signature("bfloat16", (-1,))
    values = [1, 2.5, "Infinity", "NaN"]
    tensor = decode_tensors({"x": values}, given)["x"]
    assert tensor.dtype == np.dtype("bfloat16")
    assert encode_tensors({"x": tensor})["x"] == [1.0, 2.5, "Infinity", "NaN"]
    with pytest.raises(InvalidTensor, match=r"numbers that bfloat16 can hold, got 1e[+]39"):
        decode_tensors({"x": [1e39]}, given)
    with pytest.raises(InvalidTensor, match="numbers of type bfloat16, got <U3"):
        decode_tensors({"x": ["one"]}, given)


def test_an_input_may_be_called_by_its_name_in_the_graph() -> None:
    engine = signature("f4", (1,))
    engine.inputs = (TensorSpec("x", (1,), np.dtype("f4"), tensor="serving_default_x:0"),)
    for name in ("x", "serving_default_x:0", "serving_default_x"):
        assert decode_tensors({name: [1]}, engine)["x"].tolist() == [1]
    with pytest.raises(InvalidTensor, match="expected the inputs x, got x, serving_default_x:0"):
        decode_tensors({"x": [1], "serving_default_x:0": [1]}, engine)


def test_bytes_are_text_only_if_all_of_an_output_are_and_its_name_does_not_say_otherwise() -> None:
    answer = encode_tensors(
        {
            "scalar": np.array("ä".encode(), object),
            "mixed": np.array([[b"a"], [b"\xff\0"]], object),
            "image_bytes": np.array([b"a"], object),
            "none": np.array([], object),
        }
    )
    assert answer == {
        "scalar": "ä",
        "mixed": [[{"b64": "YQ=="}], [{"b64": "/wA="}]],
        "image_bytes": [{"b64": "YQ=="}],
        "none": [],
    }


def test_complex_numbers_are_pairs() -> None:
    answer = encode_tensors(
        {"a": np.array([0.1 - 1j], np.complex64), "b": np.array(complex(0.1, math.nan))}
    )
    assert answer == {"a": [[0.10000000149, -1.0]], "b": [0.1, "NaN"]}


@given(lists(binary(), max_size=4))
def test_bytes_that_were_answered_are_read_back_as_they_were(items: list[bytes]) -> None:
    tensor = np.empty(len(items), object)
    tensor[:] = items
    text = json.dumps(encode_tensors({"x": tensor}))
    again = decode_tensors({"x": json.loads(text)["x"]}, signature("O", (-1,)))["x"]
    assert again.tolist() == items


def test_answers_are_json_whatever_they_hold() -> None:
    answer = encode_tensors(
        {
            "a": np.array([1.5, np.nan, np.inf, -np.inf]),
            "b": np.array([b"text"], object),
            "c": np.array([[True, False]]),
        }
    )
    assert answer == {
        "a": [1.5, "NaN", "Infinity", "-Infinity"],
        "b": ["text"],
        "c": [[True, False]],
    }
    json.dumps(answer, allow_nan=False)


def test_floats_below_doubles_have_12_digits() -> None:
    answer = encode_tensors(
        {
            "half": np.array([0.1, 65504], np.float16),
            "single": np.array([[0.1, 3.98174306027e-11, 16777216, np.nan]], np.float32),
            "double": np.array([0.1, 0.1 + 0.2]),
        }
    )
    assert json.dumps(answer) == (
        '{"half": [0.0999755859375, 65504.0],'
        ' "single": [[0.10000000149, 3.98174306027e-11, 16777216.0, "NaN"]],'
        ' "double": [0.1, 0.30000000000000004]}'
    )


@given(arrays(np.float32, (3, 2), elements=floats(width=32, allow_nan=False, allow_infinity=False)))
def test_a_float_that_was_answered_is_read_back_as_it_was(tensor: NDArray[np.float32]) -> None:
    text = json.dumps(encode_tensors({"x": tensor}))
    again = np.array(json.loads(text)["x"], np.float32)
    assert again.tobytes() == tensor.tobytes()
