"""Pixels -> the numbers of a model's input tensor, and the numbers of an output -> reals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Quantization, Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.faults import Place

AS_THEY_ARE = Normalization((0.0,), (1.0,))
_PIXELS = np.arange(256, dtype=np.float64)[:, np.newaxis]
_CENTERED, _UNIT = Normalization((127.5,), (127.5,)), Normalization((0.0,), (255.0,))
_PIXEL_BITS = 8
# The largest real of a model that was calibrated with pixels, or with pixels made smaller.
_OF_PIXELS, _OF_SMALLER = (150, 300), (0.5, 1.1)
_BELOW_ZERO = -0.3
_UNKNOWN = 0.0, 255.0
# A normalization that leaves the range of the integers for more of the pixels is not theirs.
_MOST_CLIPPED = 0.25
_SAY_RANGE = (
    "to say the range, write in a card normalization: {mean: [127.5], std: [127.5]} for -1 to 1,"
    " {mean: [0], std: [255]} for 0 to 1, {mean: [0], std: [1]} for 0 to 255"
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What each value of a pixel becomes.

    Attributes:
        table: (256, 1) or (256, channels), the number for each value; None if pixels go in as
            they are.
        meaning: the same in words.
        assumed: what of it neither the model nor its card says; empty if they do.
    """

    table: NDArray[np.generic] | None
    meaning: str
    assumed: str = ""

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.generic]:
        """Return the numbers of `pixels`, (h, w, c) -> (h, w, c); the same array if they are."""
        if self.table is None:
            return pixels
        if self.table.shape[1] == 1:
            return self.table[:, 0].take(pixels)
        return self.table[pixels, np.arange(self.table.shape[1])]


def plan_encoding(
    tensor: TensorSpec,
    normalization: Normalization | None,
    *,
    channels: int,
    by_card: bool = False,
) -> Encoding:
    """Return how pixels enter `tensor`.

    Floats are (pixel - mean) / std; without a normalization the usual one that fits the model's
    own scale, or the pixel itself, and that is an assumption. Integers of 8 bits are the pixel
    itself (minus 128 if they are signed): as in TensorFlow's Task Library (image_preprocessor.cc),
    the normalization in a model's metadata is that of floats. Only one that a card gives is
    applied and quantized, but left out if it moves no pixel by more than one step, as rounding of
    mean and std makes it. Wider integers with a quantization are what floats would be, quantized;
    those without are the pixel itself.

    Args:
        tensor: of the model.
        normalization: of its pixels, None if unknown.
        channels: of a pixel.
        by_card: whether the card gives it.

    Raises:
        InvalidModel: the normalization does not fit `channels` or the quantization, the dtype is
            no number's, or the model's scale fits no usual normalization.
    """
    if tensor.dtype.kind not in "fiu":
        raise InvalidModel(
            "expected an input of numbers",
            got=f"{tensor.dtype}",
            remedy="does this model take pictures?",
            places=[Place(field=tensor.name)],
        )
    if tensor.dtype.kind == "f":
        return _plan_reals(tensor, normalization, channels, tensor.bounds or _UNKNOWN)
    bounds = np.iinfo(tensor.dtype.str)
    if bounds.bits == _PIXEL_BITS:
        return _plan_bytes(tensor, normalization if by_card else None, channels)
    if tensor.quantization is None:
        return Encoding(_PIXELS.astype(tensor.dtype), _describe(None))
    scale, zero_point = tensor.quantization.scale, tensor.quantization.zero_point
    reach = scale * (bounds.min - zero_point), scale * (bounds.max - zero_point)
    return _plan_reals(tensor, normalization, channels, reach)


def _plan_reals(
    tensor: TensorSpec,
    normalization: Normalization | None,
    channels: int,
    bounds: tuple[float, float],
) -> Encoding:
    """Return how pixels enter as reals, quantized if the tensor is one of integers."""
    assumed = ""
    if normalization is None:
        normalization, assumed = _guess(tensor, *bounds)
    real = _PIXELS if normalization is None else _normalize(normalization, channels)
    meaning = _describe(normalization)
    if tensor.quantization:
        real, meaning = _quantize(real, tensor, tensor.quantization), f"{meaning}, quantized"
    return Encoding(real.astype(tensor.dtype), meaning, assumed)


def _plan_bytes(tensor: TensorSpec, normalization: Normalization | None, channels: int) -> Encoding:
    """Return how pixels enter as integers of 8 bits, by the card's normalization if it has one."""
    signed = tensor.dtype.kind == "i"
    plain = _PIXELS - 128 if signed else _PIXELS
    if normalization and normalization != AS_THEY_ARE and tensor.quantization:
        numbers = _quantize(_normalize(normalization, channels), tensor, tensor.quantization)
        if np.abs(numbers - plain).max() > 1:
            meaning = f"{_describe(normalization)}, quantized"
            return Encoding(numbers.astype(tensor.dtype), meaning)
    if signed:
        return Encoding(plain.astype(tensor.dtype), f"{_describe(None)}, minus 128")
    return Encoding(None, _describe(None))


def _guess(tensor: TensorSpec, low: float, high: float) -> tuple[Normalization | None, str]:
    """Return the normalization that fits a model's reals from `low` to `high`, and that it is one.

    Raises:
        InvalidModel: none of the usual ones does.
    """
    if _OF_PIXELS[0] <= high <= _OF_PIXELS[1]:
        return None, f"pixels are from 0 to 255; {_SAY_RANGE}"
    if _OF_SMALLER[0] <= high <= _OF_SMALLER[1]:
        if low < _BELOW_ZERO:
            return _CENTERED, f"pixels are from -1 to 1, by the model's scale; {_SAY_RANGE}"
        return _UNIT, f"pixels are from 0 to 1, by the model's scale; {_SAY_RANGE}"
    raise InvalidModel(
        f"expected a normalization for {tensor.name} of {tensor.dtype}",
        got=f"none, and a scale of numbers from {low:.3g} to {high:.3g}",
        remedy=_SAY_RANGE,
        places=[Place(field="normalization")],
    )


def _quantize(
    real: NDArray[np.float64], tensor: TensorSpec, quantization: Quantization
) -> NDArray[np.float64]:
    """Return the integers of normalized pixels, those out of range clipped."""
    bounds = np.iinfo(tensor.dtype.str)
    numbers = np.rint(real / quantization.scale + quantization.zero_point)
    clipped = ((numbers < bounds.min - 1) | (numbers > bounds.max + 1)).mean()
    if clipped > _MOST_CLIPPED:
        raise InvalidModel(
            f"expected a normalization that fits the quantization of {tensor.name}",
            got=f"one that leaves the range of {tensor.dtype} for {clipped:.0%} of the pixels",
            remedy="leave it out if the model takes pixels as they are, or correct it",
            places=[Place(field="normalization")],
        )
    return numbers.clip(bounds.min, bounds.max)


def _describe(normalization: Normalization | None) -> str:
    if normalization is None or normalization == AS_THEY_ARE:
        return "the pixels as they are"
    mean, std = (
        ", ".join(f"{number:g}" for number in numbers)
        for numbers in (normalization.mean, normalization.std)
    )
    return f"(pixel - {mean}) / {std}"


def _normalize(normalization: Normalization, channels: int) -> NDArray[np.float64]:
    """Return what normalization makes of each value of a pixel, (256, 1) or (256, channels)."""
    mean, std = np.array(normalization.mean), np.array(normalization.std)
    if not {mean.size, std.size} <= {1, channels} or not (
        np.isfinite(mean).all() and np.isfinite(std).all() and std.all()
    ):
        raise InvalidModel(
            f"expected mean and std for 1 or {channels} channels, std not 0",
            got=f"mean {normalization.mean} and std {normalization.std}",
            remedy="correct the metadata",
        )
    normalized: NDArray[np.float64] = (_PIXELS - mean) / std
    return normalized


def dequantize(output: Tensor, spec: TensorSpec) -> NDArray[np.float64]:
    """Return the reals that the numbers of `output` stand for, of the same shape."""
    real = output.astype(np.float64)
    if spec.quantization:
        real = (real - spec.quantization.zero_point) * spec.quantization.scale
    return real
