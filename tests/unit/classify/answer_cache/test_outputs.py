"""Arrays that are kept come back bit for bit, and calls that differ are told apart."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from installed import need_module

from meshlens.classify.answer_cache.outputs import Outputs, describe_call, may_keep
from meshlens.classify.engines.engine import Tensor, TensorSpec

DTYPES = ("f2", "f4", "f8", "c8", "c16", "?", "u1", "i1", "u2", "i4", "i8", "u8", ">f4")
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@given(
    array=st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(np.dtype(dtype), SHAPES)),
    name=st.text(max_size=5),
)
def test_arrays_come_back_bit_for_bit(array: Tensor, name: str) -> None:
    read = Outputs.unpack(Outputs.of({name: array, "other": array.T}).pack()).read()
    assert list(read) == ([name, "other"] if name != "other" else ["other"])
    for kept, wanted in (
        (read[name], array if name != "other" else array.T),
        (read["other"], array.T),
    ):
        assert (kept.dtype, kept.shape) == (wanted.dtype, wanted.shape)
        assert kept.tobytes() == wanted.tobytes()


def test_what_is_kept_cannot_be_written_to() -> None:
    array = Outputs.of({"y": np.zeros(2, np.float32)}).read()["y"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_texts_and_types_that_numpy_does_not_know_are_not_kept() -> None:
    numbers, texts = (TensorSpec("y", (2,), np.dtype(it)) for it in ("f4", "O"))
    assert may_keep([numbers])
    assert not may_keep([numbers, texts])
    assert not may_keep([TensorSpec("y", (2,), np.dtype("V2"))])


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_types_of_another_library_are_not_kept(name: str) -> None:
    need_module("ml_dtypes", "uv sync --group train")
    import_module("ml_dtypes")  # tells numpy
    assert not may_keep([TensorSpec("y", (2,), np.dtype(name))])


def test_calls_with_the_same_bytes_are_told_apart() -> None:
    zeros = np.zeros((2, 2), np.float32)
    calls = [
        describe_call("a", {"x": zeros}),
        describe_call("b", {"x": zeros}),
        describe_call("a", {"y": zeros}),
        describe_call("a", {"x": zeros.reshape(4)}),
        describe_call("a", {"x": zeros.reshape(1, 4)}),
        describe_call("a", {"x": zeros.view(np.int32)}),
        describe_call("a", {"x": zeros[:1], "y": zeros[1:]}),
        describe_call("a", {"y": zeros[:1], "x": zeros[1:]}),
    ]
    assert len(set(calls)) == len(calls)
    assert describe_call("a", {"x": zeros}) == describe_call("a", {"x": np.ones((2, 2), "f4")})
