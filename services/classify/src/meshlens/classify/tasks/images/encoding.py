"""Pixels -> the numbers of a model's input tensor, and the numbers of an output -> reals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Quantization, Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.faults import Place

_PIXELS = np.arange(256, dtype=np.float64)[:, np.newaxis]
_CENTERED, _NONE = Normalization((127.5,), (127.5,)), Normalization((0.0,), (1.0,))
_PIXEL_BITS = 8
# The largest real of 16 bits that were calibrated with pixels, or with pixels / 127.5 - 1.
_OF_PIXELS, _OF_CENTERED = (150, 300), (0.5, 1.1)
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

    Floats are (pixel - mean) / std, or the pixel itself if the model has no normalization, which
    is an assumption. Integers of 8 bits are the pixel itself (minus 128 if they are signed): as in
    TensorFlow's Task Library (image_preprocessor.cc), the normalization in a model's metadata is
    that of floats. Only one that a card gives is applied and quantized, but left out if it moves
    no pixel by more than one step, as rounding of mean and std makes it. Wider integers with a
    quantization are the normalized pixel quantized; the others are the pixel itself.

    Args:
        tensor: of the model.
        normalization: of its pixels, None if unknown.
        channels: of a pixel.
        by_card: whether the card gives it.

    Raises:
        InvalidModel: the normalization does not fit `channels` or the quantization, the dtype is
            no number's, or 16 bits are of no known range.
    """
    if tensor.dtype.kind not in "fiu":
        raise InvalidModel(
            "expected an input of numbers",
            got=f"{tensor.dtype}",
            remedy="does this model take pictures?",
            places=[Place(field=tensor.name)],
        )
    real = _normalize(normalization, channels) if normalization else _PIXELS
    if tensor.dtype.kind == "f":
        assumed = "" if normalization else f"pixels are floats from 0 to 255; {_SAY_RANGE}"
        return Encoding(real.astype(tensor.dtype), _describe(normalization), assumed)
    bounds = np.iinfo(tensor.dtype.str)
    small = bounds.bits == _PIXEL_BITS
    as_they_are = _PIXELS + (bounds.min if small else 0)
    same = f"{_describe(None)}, minus 128" if small and bounds.min else _describe(None)
    numbers, meaning, assumed = as_they_are, same, ""
    applied = normalization != _NONE and by_card if small else True
    if tensor.quantization and applied and (normalization or not small):
        if normalization is None:
            normalization, assumed = _guess(tensor, tensor.quantization, bounds.max)
            real = _normalize(normalization, channels) if normalization else _PIXELS
        numbers = _quantize(real, tensor, tensor.quantization)
        meaning = f"{_describe(normalization)}, quantized"
        if small and np.abs(numbers - as_they_are).max() <= 1:
            numbers, meaning = as_they_are, same
    if tensor.dtype == np.uint8 and numbers is as_they_are:
        return Encoding(None, meaning)
    return Encoding(numbers.astype(tensor.dtype), meaning, assumed)


def _guess(
    tensor: TensorSpec, quantization: Quantization, largest: int
) -> tuple[Normalization | None, str]:
    """Return the normalization that fits the reals of wide integers, and what was assumed."""
    reach = quantization.scale * (largest - quantization.zero_point)
    if _OF_PIXELS[0] <= reach <= _OF_PIXELS[1]:
        return None, ""
    if _OF_CENTERED[0] <= reach <= _OF_CENTERED[1]:
        return _CENTERED, f"pixels are reals from -1 to 1, quantized; {_SAY_RANGE}"
    raise InvalidModel(
        f"expected a normalization for {tensor.name} of {tensor.dtype}",
        got=f"none, and numbers that reach to {reach:.3g}",
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
    if normalization is None:
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
