"""EfficientNet-Lite0 with given weights, as a function of pictures.

The architecture is that of Tan and Le, EfficientNet (2019), in its variant of 2020 without
squeeze-and-excitation and with ReLU6. Padding is TensorFlow's "same" and the epsilon of the batch
normalization 1e-3, as in TensorFlow's own models: the filters of these weights are stored as
TensorFlow's, transposed. Of 67 labelled pictures 60 are named correctly so, and 55 with the
symmetric padding of PyTorch.
"""  # noqa: INP001 - a script's part, not a package

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Weights: TypeAlias = Mapping[str, NDArray[np.float32] | NDArray[np.int64]]

SIDE = 224
MEAN = 127.0
STD = 128.0

_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class _Stage:
    """Blocks of one shape; the stride is of the first."""

    blocks: int
    kernel: int
    stride: int
    channels: int
    expands: bool = True


_STAGES = (
    _Stage(1, kernel=3, stride=1, channels=16, expands=False),
    _Stage(2, kernel=3, stride=2, channels=24),
    _Stage(2, kernel=5, stride=2, channels=40),
    _Stage(3, kernel=3, stride=2, channels=80),
    _Stage(3, kernel=5, stride=1, channels=112),
    _Stage(4, kernel=5, stride=2, channels=192),
    _Stage(1, kernel=3, stride=1, channels=320),
)


@dataclass(slots=True)
class EfficientNetLite0:
    """Pictures (n, 224, 224, 3), (pixel - 127) / 128 -> probabilities (n, 1000).

    Attributes:
        weights: as in PyTorch's checkpoint: filters (out, in, height, width).
        used: the names of those that have been used.
    """

    weights: Weights
    used: set[str] = field(default_factory=set)

    def __call__(self, picture: tf.Tensor) -> tf.Tensor:
        """Return the probabilities of the classes.

        Raises:
            ValueError: there are weights that the network has no place for.
        """
        x = tf.nn.relu6(self._convolve(picture, "_conv_stem", "_bn0", stride=2))
        number = 0
        for stage in _STAGES:
            for position in range(stage.blocks):
                x = self._block(x, f"_blocks.{number}.", stage, first=position == 0)
                number += 1
        x = tf.nn.relu6(self._convolve(x, "_conv_head", "_bn1"))
        x = tf.reduce_mean(x, axis=(1, 2))
        logits = tf.matmul(x, self._take("_fc.weight").T) + self._take("_fc.bias")
        self._check_all_used()
        return tf.nn.softmax(logits)

    def _block(self, x: tf.Tensor, prefix: str, stage: _Stage, *, first: bool) -> tf.Tensor:
        """Return an inverted residual block of `x`."""
        y = x
        if stage.expands:
            y = tf.nn.relu6(self._convolve(y, f"{prefix}_expand_conv", f"{prefix}_bn0"))
        stride = stage.stride if first else 1
        y = tf.nn.relu6(self._convolve_depthwise(y, prefix, stride))
        y = self._convolve(y, f"{prefix}_project_conv", f"{prefix}_bn2")
        return y if first else x + y

    def _convolve(self, x: tf.Tensor, name: str, norm: str, stride: int = 1) -> tf.Tensor:
        factor, bias = self._fold(norm)
        filters = (self._take(f"{name}.weight").transpose(2, 3, 1, 0) * factor).astype(np.float32)
        return tf.nn.conv2d(x, filters, stride, "SAME") + bias

    def _convolve_depthwise(self, x: tf.Tensor, prefix: str, stride: int) -> tf.Tensor:
        factor, bias = self._fold(f"{prefix}_bn1")
        filters = self._take(f"{prefix}_depthwise_conv.weight").transpose(2, 3, 0, 1)
        filters = (filters * factor[:, None]).astype(np.float32)
        return tf.nn.depthwise_conv2d(x, filters, (1, stride, stride, 1), "SAME") + bias

    def _fold(self, norm: str) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return a batch normalization as a factor and an offset of each channel.

        The converter would fold it too, but with the operations of the processor at hand.
        """
        scale, offset = self._take(f"{norm}.weight"), self._take(f"{norm}.bias")
        mean, variance = self._take(f"{norm}.running_mean"), self._take(f"{norm}.running_var")
        factor = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + _EPSILON)
        return factor, (offset - mean * factor).astype(np.float32)

    def _take(self, name: str) -> NDArray[np.float32]:
        """Return the weights of that name.

        Raises:
            ValueError: they are not those of a network.
        """
        self.used.add(name)
        return self.weights[name].astype(np.float32, copy=False)

    def _check_all_used(self) -> None:
        left = {it for it in self.weights if not it.endswith(".num_batches_tracked")} - self.used
        if left:
            raise ValueError(f"expected the weights of EfficientNet-Lite0, got also {sorted(left)}")
