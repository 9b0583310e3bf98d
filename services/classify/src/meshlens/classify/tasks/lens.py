"""A lens: what a model is used for, behind the same four verbs whatever its task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from meshlens.classify.engines.engine import Engine, Signature, TensorSpec
from meshlens.classify.errors import ClassifyError, InvalidModel
from meshlens.classify.formats.card import ModelCard
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.descriptions import Description
from meshlens.classify.tasks.images.pixels import Frame, Image, Picture, decode_image
from meshlens.classify.tasks.options import ModelOptions

JSON = "application/json"
# What a picture shows where the model does not say.
DEFAULT_SUBJECT = "object"


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model with a running engine, from which a lens is made.

    Attributes:
        name: of the model, for messages.
        engine: runs it.
        file: the model's own metadata.
        card: the contents of its card.
        labels_beside: names of the classes, for a file without any.
        post_process: names of the outputs of its operator TFLite_Detection_PostProcess, in the
            operator's order; empty without one.
        subject_beside: what its images show, for a file that does not specify it.
    """

    name: str
    engine: Engine
    file: ModelFile
    card: ModelCard = field(default_factory=ModelCard)
    labels_beside: tuple[str, ...] = ()
    subject_beside: str = ""
    post_process: tuple[str, ...] = ()

    @property
    def signature(self) -> Signature:
        """The function that the card names, else the first one.

        Raises:
            InvalidModel: there is none of that name.
        """
        return choose_signature(self.engine, self.card.signature, InvalidModel)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its classes, none if they are unknown."""
        return self.file.labels or self.labels_beside

    @property
    def subject(self) -> str:
        """What its images show, in one word."""
        return self.file.subject or self.subject_beside or DEFAULT_SUBJECT


@dataclass(frozen=True, slots=True)
class Payload:
    """What a caller has sent.

    Attributes:
        data: the bytes of an image file, or the JSON with the tensors.
        max_pixels: largest image that may be decoded.
    """

    data: bytes
    max_pixels: int

    @property
    def size(self) -> int:
        """How many bytes have been sent."""
        return len(self.data)


class ImageError(BaseModel):
    """Why an image, or a part of one, was not answered."""

    code: str = Field(description="the name of the status code, as for a request of its own")
    reason: str = Field(description="what kind of fault it is, in one word for programs")
    message: str = Field(description="for people")


class Answer(BaseModel):
    """What a model answers. The fields are the JSON; a subclass adds other media types."""

    model_config = ConfigDict(frozen=True)

    media_types: ClassVar[tuple[str, ...]] = (JSON,)

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return self.model_dump(mode="json")

    def to_event(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the facts for the result event; `fields` are those of the answer."""
        return fields

    def pack(self) -> bytes:
        """Return the bytes of which `unpack` makes an equal answer."""
        return self.model_dump_json().encode()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the answer that was packed.

        Raises:
            ValidationError: `data` is nothing that `pack` returns.
        """
        return cls.model_validate_json(data)

    def render(self, media_type: str, payload: Payload) -> bytes:
        """Return the answer to `payload` as one of `media_types` but JSON."""
        raise ValueError(
            f"expected one of {', '.join(self.media_types)}, got {media_type}"
            f" for {len(payload.data)} bytes"
        )


Options = TypeVar("Options", bound=ModelOptions)
Answered = TypeVar("Answered", bound=Answer)


class Lens(ABC, Generic[Options, Answered]):
    """A model as callers see it.

    Args:
        model: what to look through.

    Raises:
        InvalidModel: its tensors or its card do not fit the task.

    Attributes:
        does: what its models do: "expected a model that ..., got x, which ...".
        method: the method that calls its models.
        takes_images: whether that is a method of its own, which takes one image or several.
        names_classes: whether it answers with the labels of a model: such a model is preferred for
            requests that name none.
        options: the query options that a caller may set.
        answers: what it answers, if that may be kept: what `unpack` makes of it must be equal in
            each media type.
        refusal: the message for a call to a model with another task, with placeholders for that
            model's name (`model`), what it `does` and its `method`.
    """

    does: ClassVar[str]
    method: ClassVar[str]
    takes_images: ClassVar[bool]
    names_classes: ClassVar[bool] = False
    options: ClassVar[type[ModelOptions]]
    answers: ClassVar[type[Answer] | None] = None
    refusal: ClassVar[str]

    @abstractmethod
    def __init__(self, model: OpenedModel) -> None: ...

    @abstractmethod
    def warm_up(self) -> None:
        """Run the model once, so that the first caller does not wait for first-time work.

        Raises:
            InvalidModel: it cannot run, or its outputs do not fit the task.
        """

    @abstractmethod
    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the model sees it.

        Raises:
            InvalidImage, ImageTooLarge: it is not an image, or too large.
            WrongTask: the model takes no images.
        """

    @abstractmethod
    def answer(self, payload: Payload, options: Options) -> Answered:
        """Return the model's answer to `payload`.

        Raises:
            InvalidImage, ImageTooLarge, InvalidBody, InvalidTensor: it cannot be used.
            InvalidOption: the model has no such option.
        """

    @abstractmethod
    def describe(self) -> Description:
        """Return a description of the model's inputs and answers."""


class PictureLens(Lens[Options, Answered]):
    """A model of pictures, all of them prepared as its frame says.

    Attributes:
        frame: what the model wants its images to be.
    """

    takes_images = True
    frame: Frame

    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the model sees it."""
        return decode_image(payload.data, self.frame, max_pixels=payload.max_pixels)

    def answer(self, payload: Payload, options: Options) -> Answered:
        """Return the model's answer to the image in `payload`."""
        return self.answer_image(self.see(payload), options)

    def answer_picture(self, picture: Picture, options: Options) -> Answered:
        """Return the model's answer to a picture that has been decoded.

        Raises:
            InvalidTensor: the model has none.
            InvalidOption: the model has no such option.
        """
        return self.answer_image(picture.show(self.frame), options)

    @abstractmethod
    def answer_image(self, image: Image, options: Options) -> Answered:
        """Return the model's answer to an image of its frame; raises as `answer_picture` does."""


def choose_signature(engine: Engine, name: str, fault: type[ClassifyError]) -> Signature:
    """Return the function of `engine` called `name`, the first one if it is empty.

    Raises:
        fault: there is none of that name.
    """
    signatures = engine.signatures
    if name and name not in signatures:
        known = ", ".join(signatures)
        raise fault(
            f"expected one of the signatures {known}", got=repr(name), remedy="check the name"
        )
    return signatures[name or next(iter(signatures))]


def choose_tensor(specs: Sequence[TensorSpec], name: str, what: str) -> TensorSpec:
    """Return the tensor called `name`, the first one if it is empty.

    Raises:
        InvalidModel: there is none of that name; `what` it should be is in the message.
    """
    for spec in specs:
        if not name or spec.is_called(name):
            return spec
    known = ", ".join(spec.name for spec in specs) or "none"
    raise InvalidModel(f"expected an {what} of {known}", got=repr(name), remedy="correct the card")
