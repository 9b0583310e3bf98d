"""Pictures that a model is shown to learn what its outputs are; nobody's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.tasks.images.pixels import Frame

_COLORS = ((0, 0, 0), (255, 255, 255), (230, 30, 30), (30, 230, 30), (30, 30, 230))


def make_probes(frame: Frame) -> Sequence[NDArray[np.uint8]]:
    """Return pictures that differ in brightness, color and structure, of `frame`."""
    shape = frame.height, frame.width, frame.channels
    plain = [np.full(shape, _color(color, frame.channels), np.uint8) for color in _COLORS]
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    ramp = np.broadcast_to(
        np.linspace(0, 255, frame.width, dtype=np.uint8)[np.newaxis, :, np.newaxis], shape
    )
    return [*plain, noise, np.ascontiguousarray(ramp)]


def _color(color: tuple[int, int, int], channels: int) -> tuple[int, ...]:
    if channels == 1:
        return (sum(color) // 3,)
    return (*color, 255)[:channels]
