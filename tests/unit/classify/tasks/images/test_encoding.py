"""Pixels become the numbers that a model was trained on."""

import numpy as np
import pytest

from meshlens.classify.engines.engine import Quantization, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.images.encoding import plan_encoding

PIXELS = np.array([[[0, 127, 255], [1, 2, 3]]], np.uint8)
HALF = Normalization((127.5,), (127.5,))


def tensor(dtype: str, quantization: Quantization | None = None) -> TensorSpec:
    return TensorSpec("picture", (1, 1, 2, 3), np.dtype(dtype), quantization)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_are_normalized(dtype: str) -> None:
    encoded = plan_encoding(tensor(dtype), HALF, channels=3).encode(PIXELS)
    assert encoded.dtype == dtype
    assert encoded == pytest.approx((PIXELS - 127.5) / 127.5, abs=1e-3)


def test_each_channel_may_have_its_own_normalization() -> None:
    mean, std = (1.0, 2.0, 3.0), (10.0, 20.0, 40.0)
    encoded = plan_encoding(tensor("float32"), Normalization(mean, std), channels=3).encode(PIXELS)
    assert encoded == pytest.approx((PIXELS - np.array(mean)) / np.array(std))


def test_floats_without_a_normalization_are_the_pixels() -> None:
    encoded = plan_encoding(tensor("float32"), None, channels=3).encode(PIXELS)
    assert (encoded == PIXELS).all()


@pytest.mark.parametrize("normalization", [HALF, None])
def test_bytes_go_in_without_a_copy(normalization: Normalization | None) -> None:
    # 1/128 and 128: what converters write for pixels between -1 and 1.
    spec = tensor("uint8", Quantization(0.0078125, 128))
    assert plan_encoding(spec, normalization, channels=3).encode(PIXELS) is PIXELS


def test_bytes_of_another_scale_are_quantized() -> None:
    spec = tensor("uint8", Quantization(1 / 100, 100))
    encoded = plan_encoding(spec, HALF, channels=3).encode(PIXELS)
    assert (encoded == np.rint((PIXELS - 127.5) / 127.5 * 100 + 100)).all()


@pytest.mark.parametrize(("steps", "expected"), [(1, 0), (2, 2)])
def test_an_encoding_is_left_out_where_it_moves_pixels_by_one_step_at_most(
    steps: int, expected: int
) -> None:
    centred = Normalization((128.0,), (128.0,))
    spec = tensor("uint8", Quantization(1 / 128, 128 + steps))
    encoded = plan_encoding(spec, centred, channels=3).encode(PIXELS)
    assert (encoded == (PIXELS.astype(int) + expected).clip(0, 255)).all()


def test_signed_bytes_are_quantized() -> None:
    spec = tensor("int8", Quantization(1 / 127.5, -1))
    encoded = plan_encoding(spec, HALF, channels=3).encode(PIXELS)
    assert encoded.dtype == np.int8
    assert encoded.ravel()[:3].tolist() == [-128, -1 if encoded[0, 0, 1] == -1 else -2, 126]


def test_signed_bytes_without_a_normalization_take_the_whole_range() -> None:
    encoded = plan_encoding(tensor("int8", Quantization(1 / 128, 0)), None, channels=3)
    assert encoded.encode(PIXELS).ravel()[:3].tolist() == [-128, -1, 127]


def test_what_leaves_the_range_of_the_integers_is_clipped() -> None:
    spec = tensor("int8", Quantization(1 / 1000, 0))
    assert plan_encoding(spec, HALF, channels=3).encode(PIXELS).ravel()[[0, 2]].tolist() == [
        -128,
        127,
    ]


def test_wide_integers_are_the_pixels() -> None:
    encoded = plan_encoding(tensor("int32"), None, channels=3).encode(PIXELS)
    assert encoded.dtype == np.int32
    assert (encoded == PIXELS).all()


@pytest.mark.parametrize(
    "normalization",
    [
        Normalization((0.0,), (0.0,)),
        Normalization((0.0, 0.0), (1.0, 1.0)),
        Normalization((), (1.0,)),
        Normalization((float("nan"),), (1.0,)),
        Normalization((0.0,), (float("inf"),)),
    ],
)
def test_a_normalization_that_cannot_be_is_refused(normalization: Normalization) -> None:
    with pytest.raises(InvalidModel, match="expected mean and std"):
        plan_encoding(tensor("float32"), normalization, channels=3)


@pytest.mark.parametrize("dtype", ["bool", "complex64", "U4"])
def test_an_input_of_no_numbers_is_refused(dtype: str) -> None:
    with pytest.raises(InvalidModel, match="input of numbers"):
        plan_encoding(tensor(dtype), None, channels=3)
