"""The lens of tensors: its body, its answer, and the model behind them."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshlens.classify.engines.engine import Signature
from meshlens.classify.errors import (
    InvalidBody,
    InvalidModel,
    InvalidOption,
    InvalidTensor,
    NotEnoughMemory,
    WrongTask,
)
from meshlens.classify.formats.card import InputPart
from meshlens.classify.tasks.descriptions import Description, describe_signatures
from meshlens.classify.tasks.images.pixels import Image
from meshlens.classify.tasks.lens import (
    Answer,
    Lens,
    OpenedModel,
    Payload,
    choose_signature,
)
from meshlens.classify.tasks.options import ModelOptions, explain
from meshlens.classify.tasks.tensors.nested_lists import decode_tensors, encode_tensors
from meshlens.classify.tasks.tensors.pictures import (
    PictureDescription,
    PictureInput,
    find_picture_input,
)
from meshlens.faults import Place
from meshlens.timing import Phase, note


class PredictBody(BaseModel):
    """The JSON body of `predict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str = Field(default="", description="the function to call; the first one if empty")
    inputs: dict[str, Any] = Field(description="nested lists by name")


class PredictOptions(ModelOptions):
    """Options of `predict`, for bodies that cannot hold them."""

    signature: str = Field(default="", description="the function to call; the first one if empty")


class TensorsAnswer(Answer):
    """The outputs of a model."""

    outputs: dict[str, Any] = Field(description="nested lists by name")
    picture: PictureDescription | None = Field(
        default=None, description="which input the picture became, and of which size"
    )
    shapes: dict[str, list[int]] = Field(
        default_factory=dict, exclude=True, description="for the event, by name"
    )

    def to_fields(self) -> dict[str, Any]:
        """Return the outputs, which are JSON values already and may be large."""
        picture = {"picture": self.picture.model_dump()} if self.picture else {}
        return {**picture, "outputs": self.outputs}

    def pack(self) -> bytes:
        """Return the bytes of which `unpack` makes an equal answer, shapes included."""
        packed = _PackedTensors(answer=self, shapes=self.shapes)
        return packed.model_dump_json().encode()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the answer that was packed.

        Raises:
            ValidationError: `data` is nothing that `pack` returns.
        """
        packed = _PackedTensors.model_validate_json(data)
        return cls(**{**dict(packed.answer), "shapes": packed.shapes})

    def to_event(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - they may be large
        """Return the shapes of the outputs."""
        return {"shapes": self.shapes}


class _PackedTensors(BaseModel):
    """An answer with what its JSON leaves out."""

    answer: TensorsAnswer
    shapes: dict[str, list[int]]


class TensorsDescription(Description):
    """What a model of any inputs and outputs takes."""

    pictures: dict[str, PictureDescription] = Field(
        description="the functions that take a picture as it is, and which input it becomes"
    )


class Predictor(Lens[PredictOptions, TensorsAnswer]):
    """A model of any inputs and outputs; every model can be called for its tensors, too.

    Args:
        model: its card names the function to call unless the caller does.
    """

    does = "computes tensors"
    method = "models/{model}/predict"
    takes_images = False
    options = PredictOptions
    answers = TensorsAnswer
    refusal = "expected a model that computes tensors, got {model}; ask {method}"

    def __init__(self, model: OpenedModel) -> None:
        self._model = model

    def warm_up(self) -> None:
        """Run the model once on zeros.

        A model with scalars is left out: they are parameters, and zero may be one that never ends.

        Raises:
            InvalidModel: the card does not fit it.
        """
        signature = self._model.signature
        if self._model.card.input != InputPart():
            find_picture_input(self._model, signature)
        specs = signature.inputs
        if not all(spec.shape and spec.dtype.kind in "fiub" for spec in specs):
            return
        with suppress(InvalidTensor, NotEnoughMemory):  # zeros need not make sense to a model
            signature.run(
                {
                    spec.name: np.zeros([max(size, 1) for size in spec.shape or ()], spec.dtype)
                    for spec in specs
                }
            )

    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the model sees it.

        Raises:
            InvalidImage, ImageTooLarge: it is not an image, or too large.
            WrongTask: its first function takes no pixels.
        """
        image = self._find_input(self._model.signature).see(payload)
        if image is None:
            raise WrongTask(
                "expected a model that takes pixels",
                got=f"{self._model.name}, which gets the file as it is",
                remedy="look at the file itself",
                option="model",
            )
        return image

    def answer(self, payload: Payload, options: PredictOptions) -> TensorsAnswer:
        """Return the outputs for the inputs in the JSON of `payload`.

        Raises:
            InvalidBody: it is no JSON, or not as it should be.
            InvalidOption: the model has no such function.
            InvalidTensor: the inputs are not those of the function.
        """
        with note(Phase.DECODE):
            body = decode_predict(payload.data)
            signature = self._choose(body.signature or options.signature)
            tensors = decode_tensors(body.inputs, signature)
        with note(Phase.COMPUTE):
            outputs = signature.run(tensors)
        return _answer(outputs)

    def answer_picture(self, payload: Payload, options: PredictOptions) -> TensorsAnswer:
        """Return the outputs for the image in `payload`.

        Raises:
            InvalidImage, ImageTooLarge: it is not an image, or too large.
            InvalidOption: the model has no such function.
            InvalidTensor: the function cannot compute with it.
            WrongTask: the function takes no image.
        """
        signature = self._choose(options.signature)
        taken = self._find_input(signature)
        image = taken.see(payload)
        inputs = taken.encode(payload, image)
        with note(Phase.COMPUTE):
            outputs = signature.run(inputs)
        return _answer(outputs, taken.describe(image))

    def describe(self) -> TensorsDescription:
        """Return the functions of the model, and which of them take a picture."""
        pictures = {}
        for name, signature in self._model.engine.signatures.items():
            with suppress(InvalidModel):  # it takes none
                pictures[name] = find_picture_input(self._model, signature).describe()
        return TensorsDescription(
            signatures=describe_signatures(self._model.engine), pictures=pictures
        )

    def _choose(self, name: str) -> Signature:
        wanted = name or self._model.card.signature
        return choose_signature(self._model.engine, wanted, InvalidOption)

    def _find_input(self, signature: Signature) -> PictureInput:
        try:
            return find_picture_input(self._model, signature)
        except InvalidModel as error:
            raise WrongTask(
                f"expected a model that takes pictures, got {self._model.name},"
                f" which {self.does}: {error.expected}",
                got=error.got,
                remedy='send {"inputs": {...}} to its predict, or name another model',
                option="model",
            ) from error


def decode_predict(body: bytes) -> PredictBody:
    """Return what `predict` is called with.

    Raises:
        InvalidBody: it is no JSON, or not as it should be.
    """
    try:
        return PredictBody.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBody(
            'expected JSON {"inputs": {"<name>": <nested lists>}}, or a picture',
            got=explain(error),
            remedy="models/<name> describes the inputs",
            places=[Place(field="inputs")],
        ) from None


def _answer(outputs: Mapping[str, Any], picture: PictureDescription | None = None) -> TensorsAnswer:
    return TensorsAnswer(
        outputs=encode_tensors(outputs),
        picture=picture,
        shapes={name: list(tensor.shape) for name, tensor in outputs.items()},
    )
