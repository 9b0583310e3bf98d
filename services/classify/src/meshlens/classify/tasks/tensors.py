"""Tensors: any inputs and outputs of a model, as nested lists in JSON."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidBody, InvalidOption, InvalidTensor, WrongTask
from meshlens.classify.tasks.images.pixels import Image
from meshlens.classify.tasks.lens import (
    Answer,
    Description,
    Lens,
    OpenedModel,
    Payload,
    choose_signature,
    describe_signatures,
)
from meshlens.classify.tasks.options import ModelOptions, explain
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class PredictBody(BaseModel):
    """The JSON body of `predict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str = Field(default="", description="the function to call; the first one if empty")
    inputs: dict[str, Any] = Field(description="nested lists by name")


class TensorsAnswer(Answer):
    """The outputs of a model."""

    outputs: dict[str, Any] = Field(description="nested lists by name")
    shapes: dict[str, list[int]] = Field(exclude=True, description="for the event, by name")

    def to_event(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - they may be large
        """Return the shapes of the outputs."""
        return {"shapes": self.shapes}


class Predictor(Lens[ModelOptions, TensorsAnswer]):
    """A model of any inputs and outputs; every model can be called for its tensors, too.

    Args:
        model: its card says which function is called unless the caller says.
    """

    does = "computes tensors"
    method = "models/{model}/predict"
    takes_images = False
    options = ModelOptions
    refusal = "expected a model that computes tensors, got {model}; ask {method}"

    def __init__(self, model: OpenedModel) -> None:
        self._model = model

    def warm_up(self) -> None:
        """Run the model once on zeros.

        A model with scalars is left out: they are parameters, and zero may be one that never ends.
        """
        signature = self._model.signature
        specs = signature.inputs
        if not all(spec.shape and spec.dtype.kind in "fiub" for spec in specs):
            return
        with suppress(InvalidTensor):  # zeros need not make sense to a model
            signature.run(
                {
                    spec.name: np.zeros([max(size, 1) for size in spec.shape or ()], spec.dtype)
                    for spec in specs
                }
            )

    def see(self, payload: Payload) -> Image:  # noqa: ARG002 - whatever it holds
        """Refuse to: tensors are no image."""
        raise WrongTask(
            f"expected a model that takes pictures, got {self._model.name}, which {self.does};"
            " ask for another model"
        )

    def answer(self, payload: Payload, options: ModelOptions) -> TensorsAnswer:  # noqa: ARG002 - it has none
        """Return the outputs for the inputs in the JSON of `payload`.

        Raises:
            InvalidBody: it is no JSON, or not as it should be.
            InvalidOption: the model has no such function.
            InvalidTensor: the inputs are not those of the function.
        """
        body = decode_predict(payload.data)
        name = body.signature or self._model.card.signature
        signature = choose_signature(self._model.engine, name, InvalidOption)
        outputs = signature.run(decode_tensors(body.inputs, signature))
        return TensorsAnswer(
            outputs=encode_tensors(outputs),
            shapes={name: list(tensor.shape) for name, tensor in outputs.items()},
        )

    def describe(self) -> Description:
        """Return the functions of the model."""
        return Description(signatures=describe_signatures(self._model.engine))


def decode_predict(body: bytes) -> PredictBody:
    """Return what `predict` is called with.

    Raises:
        InvalidBody: it is no JSON, or not as it should be.
    """
    try:
        return PredictBody.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBody(
            f'expected JSON {{"inputs": {{"<name>": <nested lists>}}}}, got {explain(error)};'
            " models/<name> describes the inputs"
        ) from None


def decode_tensors(values: Mapping[str, Any], signature: Signature) -> dict[str, Tensor]:
    """Return an array for each input of `signature`.

    Raises:
        InvalidTensor: one is missing, unknown, or of another shape or type.
    """
    known = {spec.name: spec for spec in signature.inputs}
    if set(values) != set(known):
        raise InvalidTensor(
            f"expected the inputs {', '.join(known)}, got {', '.join(values) or 'none'};"
            " send each of them once"
        )
    return {name: _decode(values[name], spec) for name, spec in known.items()}


def encode_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the nested lists of `tensors`, bytes as text, what is not finite as its name.

    A float that is smaller than a double is written with 12 digits: more than the 9 that a reader
    needs to get the very same float32 back.
    """
    return {name: _encode(_round(tensor).tolist()) for name, tensor in tensors.items()}


def _decode(value: object, spec: TensorSpec) -> Tensor:
    try:
        tensor = np.array(value)
    except ValueError:
        raise InvalidTensor(
            f"{spec.name} must be a number or nested lists of one length on each level,"
            " got lists of unequal length; send a full tensor"
        ) from None
    _check_type(tensor, spec)
    if spec.shape is not None and not _fits(tensor.shape, spec.shape):
        raise InvalidTensor(
            f"{spec.name} must have shape {spec.shape}, got {tensor.shape}; -1 stands for any size"
        )
    if spec.dtype.kind == "O":
        encoded = np.array([text.encode() for text in tensor.ravel().tolist()], object)
        return encoded.reshape(tensor.shape)
    return tensor.astype(spec.dtype)


def _check_type(tensor: Tensor, spec: TensorSpec) -> None:
    """Refuse what would lose more than the precision of a float."""
    kind, wanted = tensor.dtype.kind, spec.dtype.kind
    right = {"f": "iuf", "i": "iu", "u": "iu", "b": "b", "O": "U", "c": "iuf"}.get(wanted, "")
    if kind not in right and tensor.size:
        raise InvalidTensor(
            f"{spec.name} must hold numbers of type {spec.dtype}, got {tensor.dtype};"
            " send the type that the model describes"
        )
    if wanted in "iu" and tensor.size:
        bounds = np.iinfo(spec.dtype.str)
        if tensor.min() < bounds.min or tensor.max() > bounds.max:
            raise InvalidTensor(
                f"{spec.name} must hold numbers from {bounds.min} to {bounds.max},"
                f" got {tensor.min()} to {tensor.max()}; send what {spec.dtype} can hold"
            )


def _fits(actual: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(actual) == len(wanted) and all(
        size in (-1, have) for have, size in zip(actual, wanted, strict=True)
    )


def _round(tensor: Tensor) -> Tensor:
    """Return doubles of 12 significant digits for floats of a smaller type, what else as it is.

    The 5 further digits that a double has would say nothing, and make half of the text.
    """
    if tensor.dtype.kind != "f" or tensor.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return tensor
    text = "%.12g " * tensor.size % tuple(tensor.ravel().tolist())
    return np.fromstring(text, sep=" ").reshape(tensor.shape)


def _encode(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    match value:
        case list():
            return [_encode(item) for item in value]
        case bytes():
            return value.decode(errors="replace")
        case float() if not math.isfinite(value):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        case _:
            return value
