"""Pixels become the numbers that a model was trained on."""

from dataclasses import replace

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


@pytest.mark.parametrize(
    "normalization", [HALF, Normalization((0.0,), (1.0,)), Normalization((0.0,), (255.0,))]
)
@pytest.mark.parametrize("scale", [1 / 128, 1 / 255, 1 / 100])
def test_bytes_are_the_pixels_whatever_the_metadata_of_the_model_says(
    normalization: Normalization, scale: float
) -> None:
    encoding = plan_encoding(tensor("uint8", Quantization(scale, 128)), normalization, channels=3)
    assert encoding.encode(PIXELS) is PIXELS
    assert (encoding.meaning, encoding.assumed) == ("the pixels as they are", "")


def test_signed_bytes_are_the_pixels_minus_128() -> None:
    spec = tensor("int8", Quantization(1 / 127.5, -1))
    encoded = plan_encoding(spec, HALF, channels=3).encode(PIXELS)
    assert encoded.dtype == np.int8
    assert encoded.ravel()[:3].tolist() == [-128, -1, 127]


def test_bytes_are_normalized_and_quantized_if_the_card_says_how() -> None:
    spec = tensor("uint8", Quantization(1 / 100, 100))
    encoded = plan_encoding(spec, HALF, channels=3, by_card=True).encode(PIXELS)
    assert (encoded == np.rint((PIXELS - 127.5) / 127.5 * 100 + 100)).all()


def test_each_channel_of_bytes_has_the_normalization_of_the_card() -> None:
    mean, std = np.array([123.7, 116.3, 103.5]), np.array([58.4, 57.1, 57.4])
    spec = tensor("int8", Quantization(0.0187, -14))
    card = Normalization(tuple(mean), tuple(std))
    encoded = plan_encoding(spec, card, channels=3, by_card=True).encode(PIXELS)
    expected = np.rint((PIXELS - mean) / std / 0.0187 - 14).clip(-128, 127)
    assert (encoded == expected).all()


def test_a_card_that_says_pixels_as_they_are_says_so_for_bytes() -> None:
    spec, card = tensor("uint8", Quantization(1 / 128, 128)), Normalization((0.0,), (1.0,))
    assert plan_encoding(spec, card, channels=3, by_card=True).encode(PIXELS) is PIXELS


def test_a_card_whose_normalization_does_not_fit_the_integers_is_refused() -> None:
    spec, card = tensor("int8", Quantization(1 / 1000, 0)), HALF
    with pytest.raises(InvalidModel, match="fits the quantization of picture, got one that leaves"):
        plan_encoding(spec, card, channels=3, by_card=True)


@pytest.mark.parametrize(("steps", "expected"), [(1, 0), (2, 2)])
def test_an_encoding_is_left_out_where_it_moves_pixels_by_one_step_at_most(
    steps: int, expected: int
) -> None:
    centred = Normalization((128.0,), (128.0,))
    spec = tensor("uint8", Quantization(1 / 128, 128 + steps))
    encoded = plan_encoding(spec, centred, channels=3, by_card=True).encode(PIXELS)
    assert (encoded == (PIXELS.astype(int) + expected).clip(0, 255)).all()


@pytest.mark.parametrize("normalization", [HALF, None])
def test_sixteen_bits_are_normalized_and_quantized(normalization: Normalization | None) -> None:
    spec = tensor("int16", Quantization(1 / 32767, 0))
    encoding = plan_encoding(spec, normalization, channels=3)
    expected = np.rint((PIXELS - 127.5) / 127.5 * 32767)
    assert (encoding.encode(PIXELS) == expected).all()
    assert ("from -1 to 1" in encoding.assumed) is (normalization is None)


def test_sixteen_bits_that_reach_to_255_are_the_pixels_quantized() -> None:
    encoding = plan_encoding(tensor("int16", Quantization(255 / 32767, 0)), None, channels=3)
    assert (encoding.encode(PIXELS) == np.rint(PIXELS / 255 * 32767)).all()
    assert "from 0 to 255" in encoding.assumed


def test_sixteen_bits_of_no_known_range_are_refused_with_the_line_of_the_card() -> None:
    with pytest.raises(
        InvalidModel,
        match=r"numbers from -2\.64 to 2\.64; .* \{mean: \[127\.5\]",
    ):
        plan_encoding(tensor("int16", Quantization(2.64 / 32767, 0)), None, channels=3)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((-1.0, 0.992), (PIXELS - 127.5) / 127.5),
        ((0.0, 1.0), PIXELS / 255),
        ((0.0, 255.0), PIXELS),
        (None, PIXELS),
    ],
)
def test_floats_without_a_normalization_have_the_range_that_the_model_quantizes(
    bounds: tuple[float, float] | None, expected: np.ndarray
) -> None:
    spec = replace(tensor("float32"), bounds=bounds)
    encoding = plan_encoding(spec, None, channels=3)
    assert encoding.encode(PIXELS) == pytest.approx(expected)
    assert "normalization" in encoding.assumed


def test_a_scale_that_no_usual_normalization_fits_is_refused() -> None:
    spec = replace(tensor("float32"), bounds=(-2.12, 2.64))
    with pytest.raises(InvalidModel, match=r"a scale of numbers from -2\.12 to 2\.64"):
        plan_encoding(spec, None, channels=3)


def test_a_range_that_nobody_says_is_told() -> None:
    assumed = plan_encoding(tensor("float32"), None, channels=3).assumed
    assert "pixels are from 0 to 255" in assumed
    assert "normalization: {mean: [127.5], std: [127.5]}" in assumed
    assert plan_encoding(tensor("float32"), HALF, channels=3).assumed == ""


def test_signed_bytes_without_a_normalization_take_the_whole_range() -> None:
    encoded = plan_encoding(tensor("int8", Quantization(1 / 128, 0)), None, channels=3)
    assert encoded.encode(PIXELS).ravel()[:3].tolist() == [-128, -1, 127]


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
