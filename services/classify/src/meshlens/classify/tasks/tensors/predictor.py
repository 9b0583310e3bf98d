"""The lens of tensors: its body, its answer, and the model behind them."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshlens.classify.errors import InvalidBody, InvalidOption, InvalidTensor, WrongTask
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
from meshlens.faults import Place


class PredictBody(BaseModel):
    """The JSON body of `predict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str = Field(default="", description="the function to call; the first one if empty")
    inputs: dict[str, Any] = Field(description="nested lists by name")


class TensorsAnswer(Answer):
    """The outputs of a model."""

    outputs: dict[str, Any] = Field(description="nested lists by name")
    shapes: dict[str, list[int]] = Field(
        default_factory=dict, exclude=True, description="for the event, by name"
    )

    def to_fields(self) -> dict[str, Any]:
        """Return the outputs, which are JSON values already and may be large."""
        return {"outputs": self.outputs}

    def to_event(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - they may be large
        """Return the shapes of the outputs."""
        return {"shapes": self.shapes}


class Predictor(Lens[ModelOptions, TensorsAnswer]):
    """A model of any inputs and outputs; every model can be called for its tensors, too.

    Args:
        model: its card names the function to call unless the caller does.
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
            "expected a model that takes pictures",
            got=f"{self._model.name}, which {self.does}",
            remedy="ask for another model",
            option="model",
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
            'expected JSON {"inputs": {"<name>": <nested lists>}}',
            got=explain(error),
            remedy="models/<name> describes the inputs",
            places=[Place(field="inputs")],
        ) from None
