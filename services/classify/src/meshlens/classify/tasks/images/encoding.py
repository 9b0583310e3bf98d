"""Pixels -> the numbers of a model's input tensor, and the numbers of an output -> reals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.faults import Place

_PIXELS = np.arange(256, dtype=np.float64)[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Encoding:
    """What each value of a pixel becomes.

    Attributes:
        table: (256, 1) or (256, channels), the number for each value; None if pixels go in as
            they are.
    """

    table: NDArray[np.generic] | None

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.generic]:
        """Return the numbers of `pixels`, (h, w, c) -> (h, w, c); the same array if they are."""
        if self.table is None:
            return pixels
        if self.table.shape[1] == 1:
            return self.table[:, 0].take(pixels)
        return self.table[pixels, np.arange(self.table.shape[1])]


def plan_encoding(
    tensor: TensorSpec, normalization: Normalization | None, *, channels: int
) -> Encoding:
    """Return how pixels enter `tensor`.

    Floats are (pixel - mean) / std, or the pixel itself if the model has no normalization.
    Integers are that number quantized; without a normalization or a quantization the range of
    the pixels is laid over the range of the integers. An encoding that moves no uint8 pixel by
    more than one step, as rounding of mean and std makes it, is left out.

    Raises:
        InvalidModel: the normalization does not fit `channels`, or the dtype is no number's.
    """
    if tensor.dtype.kind not in "fiu":
        raise InvalidModel(
            "expected an input of numbers",
            got=f"{tensor.dtype}",
            remedy="does this model take pictures?",
            places=[Place(field=tensor.name)],
        )
    if tensor.dtype.kind == "f":
        real = _normalize(normalization, channels) if normalization else _PIXELS
        return Encoding(real.astype(tensor.dtype))
    bounds = np.iinfo(tensor.dtype.str)
    if normalization and tensor.quantization:
        scale, zero_point = tensor.quantization.scale, tensor.quantization.zero_point
        numbers = np.rint(_normalize(normalization, channels) / scale + zero_point)
    else:
        numbers = _PIXELS + (bounds.min if bounds.bits == 8 else 0)  # noqa: PLR2004 - bits of a pixel
    numbers = numbers.clip(bounds.min, bounds.max)
    if tensor.dtype == np.uint8 and np.abs(numbers - _PIXELS).max() <= 1:
        return Encoding(None)
    return Encoding(numbers.astype(tensor.dtype))


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
