"""The input of a model that takes an image: the size it wants, and the tensor an image becomes."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import InputPart, Resize
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.images.encoding import AS_THEY_ARE, plan_encoding
from meshlens.classify.tasks.images.layout import OPEN, Axes, read_axes
from meshlens.classify.tasks.images.pixels import Frame
from meshlens.faults import Place


class ImageInput:
    """The tensor of a model that an image goes into.

    Its shape is (n, h, w, c), (n, c, h, w), (h, w, 3 or 4) or (3 or 4, h, w), or (1, h, w) for a
    gray image; axes that the model leaves open come from the card. A model of n images at once
    gets the same one n times.

    Args:
        spec: the tensor.
        card: what the card says about it.
        normalization: how pixels become numbers, None if unknown.
        channels: how many an image may have.
        largest: longest side of an image where neither model nor card set a size; None for a
            model that needs one size.
        by_card: whether the card gives the normalization.

    Raises:
        InvalidModel: the tensor takes no such image, or the card contradicts it.

    Attributes:
        spec: the tensor.
        frame: what the model wants its images to be.
        batch: how many images it takes at once; the answer is that to the first.
        layout: which axis holds the channels, in the words of a card; empty if none does.
        numbers: what pixels become, in words.
        assumed: what of it neither model nor card says; empty if they do.
    """

    def __init__(
        self,
        spec: TensorSpec,
        card: InputPart,
        normalization: Normalization | None,
        *,
        channels: Collection[int],
        largest: int | None = None,
        by_card: bool = False,
    ) -> None:
        self.spec = spec
        self._axes, self.frame = _measure(spec, card, channels, largest)
        _check_card(spec, card, self.frame)
        self._blue_first = card.type is not None and card.type.blue_first
        if card.type and card.type.floats and normalization is None:
            # The type of a card says that pixels are from 0 to 255.
            normalization = AS_THEY_ARE
        self._encoding = plan_encoding(
            spec, normalization, channels=self.frame.channels, by_card=by_card
        )
        self.batch = max(self._axes.batch, 1)
        self.layout = str(self._axes.layout or "")
        self.numbers = self._encoding.meaning
        self.assumed = self._encoding.assumed

    def encode(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the tensor of an image, (h, w, channels) of `frame`."""
        ordered = pixels[:, :, ::-1] if self._blue_first else pixels
        return self._axes.arrange(self._encoding.encode(ordered))


def _measure(
    spec: TensorSpec, card: InputPart, channels: Collection[int], largest: int | None
) -> tuple[Axes, Frame]:
    """Return the axes of `spec`, and what its images must be."""
    axes = read_axes(spec, channels, card.layout)
    height, width, depth = (axes.height, axes.width, axes.channels) if axes else (0, 0, 0)
    if depth == OPEN and card.type:
        depth = card.type.channels
    fixed = True
    if largest and (width == OPEN) != (height == OPEN):
        raise InvalidModel(
            f"{spec.name} must leave both sides open or none",
            got=f"{spec.shape}",
            remedy="convert the model again",
            places=[Place(field=spec.name)],
        )
    if largest and width == OPEN:
        (width, height), fixed = card.size or (largest, largest), False
    elif card.size:
        width, height = (
            given if own == OPEN else own
            for own, given in zip((width, height), card.size, strict=True)
        )
    if axes is None or depth not in channels or min(width, height) < 1:
        advice = "" if largest else " If it takes any size, say input.size and input.type in a card"
        raise InvalidModel(
            f"expected an input of shape (1, height, width, {' or '.join(map(str, channels))})",
            got=f"{spec.name} of shape {spec.shape}",
            remedy=f"does this model take pictures?{advice}",
            places=[Place(field=spec.name)],
        )
    if largest and card.resize is not Resize.STRETCH:
        raise InvalidModel(
            "expected input.resize: stretch for a model that answers places in the picture",
            got=card.resize,
            remedy="leave it out",
            places=[Place(field="input.resize")],
        )
    frame = Frame(width, height, depth, fixed, card.resize, card.resampling, card.fill)
    return axes, frame


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
