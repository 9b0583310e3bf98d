"""The input of a model that takes an image: the size it wants, and the tensor an image becomes."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import InputPart
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.images.encoding import plan_encoding
from meshlens.classify.tasks.images.pixels import Frame
from meshlens.faults import Place

_OPEN = -1
_BATCH_AXES = 4


class ImageInput:
    """The tensor of a model that an image goes into.

    Its shape is (1, h, w, c) or (h, w, 3), or (1, h, w) for a gray image; axes that the model
    leaves open come from the card.

    Args:
        spec: the tensor.
        card: what the card says about it.
        normalization: how pixels become numbers, None if unknown.
        channels: how many an image may have.
        largest: longest side of an image where neither model nor card set a size; None for a
            model that needs one size.

    Raises:
        InvalidModel: the tensor takes no such image, or the card contradicts it.

    Attributes:
        spec: the tensor.
        frame: what the model wants its images to be.
    """

    def __init__(
        self,
        spec: TensorSpec,
        card: InputPart,
        normalization: Normalization | None,
        *,
        channels: Collection[int],
        largest: int | None = None,
    ) -> None:
        self.spec = spec
        self.frame = _measure(spec, card, channels, largest)
        _check_card(spec, card, self.frame)
        self._blue_first = card.type is not None and card.type.blue_first
        self._axes = len(spec.shape or ())
        self._encoding = plan_encoding(spec, normalization, channels=self.frame.channels)

    def encode(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the tensor of an image, (h, w, channels) of `frame`, gray or RGB."""
        height, width, channels = pixels.shape
        if self._axes == _BATCH_AXES:
            shape: tuple[int, ...] = 1, height, width, channels
        elif channels == 1:
            shape = 1, height, width
        else:
            shape = height, width, channels
        ordered = pixels[:, :, ::-1] if self._blue_first else pixels
        return np.ascontiguousarray(self._encoding.encode(ordered).reshape(shape))


def _measure(
    spec: TensorSpec, card: InputPart, channels: Collection[int], largest: int | None
) -> Frame:
    """Return what the images of `spec` must be."""
    match spec.shape or ():
        case (1 | -1, height, width, depth):
            pass
        case (1, height, width) if 1 in channels:
            depth = 1
        case (height, width, 3 as depth):
            pass
        case (-1, height, width) if 1 in channels:
            depth = 1
        case _:
            height = width = depth = 0
    if depth == _OPEN and card.type:
        depth = card.type.channels
    fixed = True
    if largest and (width == _OPEN) != (height == _OPEN):
        raise InvalidModel(
            f"{spec.name} must leave both sides open or none",
            got=f"{spec.shape}",
            remedy="convert the model again",
            places=[Place(field=spec.name)],
        )
    if largest and width == _OPEN:
        (width, height), fixed = card.size or (largest, largest), False
    elif card.size:
        width, height = (
            given if own == _OPEN else own
            for own, given in zip((width, height), card.size, strict=True)
        )
    if depth not in channels or min(width, height) < 1:
        advice = "" if largest else " If it takes any size, say input.size and input.type in a card"
        raise InvalidModel(
            f"expected an input of shape (1, height, width, {' or '.join(map(str, channels))})",
            got=f"{spec.name} of shape {spec.shape}",
            remedy=f"does this model take pictures?{advice}",
            places=[Place(field=spec.name)],
        )
    return Frame(width, height, depth, fixed=fixed)


def _check_card(spec: TensorSpec, card: InputPart, frame: Frame) -> None:
    """Refuse a card that contradicts the model."""
    if card.size and card.size != (frame.width, frame.height):
        raise InvalidModel(
            f"{spec.name} takes pictures of {frame.width} x {frame.height} pixels,"
            f" the card says {card.size[0]} x {card.size[1]}",
            remedy="correct the card",
            places=[Place(field="input.size")],
        )
    kind = card.type
    if kind and (kind.channels != frame.channels or kind.floats != (spec.dtype.kind == "f")):
        raise InvalidModel(
            f"{spec.name} takes {frame.channels} channels of {spec.dtype}, the card says {kind}",
            remedy="correct the card",
            places=[Place(field="input.type")],
        )
