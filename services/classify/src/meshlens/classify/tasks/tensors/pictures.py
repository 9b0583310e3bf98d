"""A picture as the input of a model that answers tensors: pixels, or the bytes of its file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.tasks.images.input import ImageInput
from meshlens.classify.tasks.images.pixels import Image, decode_image
from meshlens.classify.tasks.lens import OpenedModel, Payload, choose_tensor

_CHANNELS = (1, 3, 4)
# Of a model that takes any size, unless its card says input.size.
_LARGEST_SIDE = 1280
# What is called so and holds text takes the bytes of a file, as exported models usually do.
_FILE_NAME = re.compile(r"image|picture|photo|jpe?g|png|bytes", re.IGNORECASE)


class PictureDescription(BaseModel):
    """The input that a picture goes into."""

    input: str = Field(description="its name")
    width: int | None = Field(description="in pixels; null where the file goes in as it is")
    height: int | None = Field(description="in pixels; null where the file goes in as it is")
    channels: int | None = Field(
        description="1 for gray, 3 for colours, 4 with transparency; null where the file goes in as"
        " it is"
    )
    assumed: str = Field(
        default="", description="what of the numbers neither the model nor its card says"
    )

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if not self.assumed:
            del fields["assumed"]
        return fields


@dataclass(frozen=True, slots=True)
class PictureInput:
    """What a picture becomes for a model.

    Attributes:
        spec: the input it goes into.
        pixels: how its pixels are encoded; None if the bytes of its file go in as they are.
    """

    spec: TensorSpec
    pixels: ImageInput | None

    def see(self, payload: Payload) -> Image | None:
        """Return the picture as the model sees it, None if it gets the file as it is.

        Raises:
            InvalidImage, ImageTooLarge: it is not an image, or too large.
        """
        if self.pixels is None:
            return None
        return decode_image(payload.data, self.pixels.frame, max_pixels=payload.max_pixels)

    def encode(self, payload: Payload, image: Image | None) -> Mapping[str, Tensor]:
        """Return the input for a picture and what `see` has made of it."""
        if self.pixels is not None and image is not None:
            return {self.spec.name: self.pixels.encode(image.pixels)}
        shape = tuple(max(size, 1) for size in self.spec.shape or ())
        return {self.spec.name: np.full(shape, payload.data, object)}

    def describe(self, image: Image | None = None) -> PictureDescription:
        """Return what it takes; the sizes of `image` if that is what it was given."""
        if self.pixels is None:
            return PictureDescription(input=self.spec.name, width=None, height=None, channels=None)
        frame = self.pixels.frame
        width, height, channels = frame.width, frame.height, frame.channels
        if image is not None:
            height, width, channels = image.pixels.shape
        return PictureDescription(
            input=self.spec.name,
            width=width,
            height=height,
            channels=channels,
            assumed=self.pixels.assumed,
        )


def find_picture_input(model: OpenedModel, signature: Signature) -> PictureInput:
    """Return the input of `signature` that takes a picture.

    Raises:
        InvalidModel: it has none, or further inputs.
    """
    card = model.card.input
    if len(signature.inputs) != 1:
        raise InvalidModel(
            "expected a function with one input, which takes the picture",
            got=", ".join(spec.name for spec in signature.inputs) or "none",
            remedy='send the tensors of all inputs as {"inputs": {...}}',
        )
    spec = choose_tensor(signature.inputs, card.name, "input")
    file = spec.dtype.kind == "O" and (card.name or _FILE_NAME.search(spec.name))
    if file and all(abs(size) == 1 for size in spec.shape or ()):
        return PictureInput(spec, None)
    largest = None if card.size else _LARGEST_SIDE
    pixels = ImageInput(
        spec,
        card,
        model.file.normalization,
        channels=_CHANNELS,
        largest=largest,
        by_card=model.card.normalization is not None,
    )
    return PictureInput(spec, pixels)
