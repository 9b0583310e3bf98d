"""Which axes of an input tensor are what: pictures at once, height, width, channels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Layout
from meshlens.faults import Place

OPEN = -1
_GRAY = 1


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of a tensor of pictures.

    Attributes:
        height: in pixels, -1 if the model leaves it open.
        width: likewise.
        channels: likewise.
        batch: how many pictures the tensor holds, all of them the same one; 0 without that axis.
        layout: where the channels are; None if there is no such axis.
    """

    height: int
    width: int
    channels: int
    batch: int
    layout: Layout | None

    def arrange(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return (h, w, c) numbers in the order of the axes, as often as `batch` says."""
        if self.layout is None:
            pixels = pixels[:, :, 0]
        elif self.layout is Layout.CHANNELS_FIRST:
            pixels = pixels.transpose(2, 0, 1)
        if self.batch == 1:
            pixels = pixels[np.newaxis]
        elif self.batch:
            pixels = np.broadcast_to(pixels, (self.batch, *pixels.shape))
        return np.ascontiguousarray(pixels)

    def __str__(self) -> str:
        if self.layout is None:
            return f"gray of {self.height} x {self.width}"
        return f"{self.layout} of {self.height} x {self.width} with {self.channels} channels"


def read_axes(spec: TensorSpec, channels: Collection[int], stated: Layout | None) -> Axes | None:
    """Return the axes of a tensor that takes pictures of one of `channels`, None if it takes none.

    Args:
        spec: of the tensor.
        channels: how many a picture may have.
        stated: where the card says that the channels are.

    Raises:
        InvalidModel: its axes may be read in two ways, and the card does not say which.
    """
    fitting = list(_read(spec.shape or (), channels))
    known = [axes for axes in fitting if axes.channels != OPEN] or fitting[:1]
    if stated:
        known = [axes for axes in fitting if axes.layout in (stated, None)]
    if len(known) > 1 and not stated:
        raise InvalidModel(
            f"expected axes of {spec.name} that can be read in one way",
            got=f"shape {spec.shape}: {', or '.join(map(str, known))}",
            remedy="say input.layout: nhwc or nchw in a card",
            places=[Place(field="input.layout")],
        )
    return known[0] if known else None


def _read(shape: Sequence[int], channels: Collection[int]) -> list[Axes]:
    """Return every way to read a shape."""
    match shape:
        case (batch, first, second, third):
            batch = max(batch, 1)
            last_known, first_known = third in (OPEN, *channels), first in (OPEN, *channels)
        case (1 | -1, first, second) if _GRAY in channels:
            return [Axes(first, second, _GRAY, 1, None)]
        case (first, second, third):
            batch, last_known, first_known = 0, third in channels, first in channels
        case _:
            return []
    return [
        axes
        for known, axes in (
            (last_known, Axes(first, second, third, batch, Layout.CHANNELS_LAST)),
            (first_known, Axes(second, third, first, batch, Layout.CHANNELS_FIRST)),
        )
        if known
    ]
