"""The description of a loaded model: its functions, and the images it takes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from meshlens.classify.engines.engine import Engine, TensorSpec


class QuantizationDescription(BaseModel):
    """How integers stand for reals: real = scale * (number - zero_point)."""

    scale: float
    zero_point: int


class TensorDescription(BaseModel):
    """An input or output of a model; what it has not is left out."""

    name: str
    shape: list[int] | None = Field(description="-1 for any size; null for any number of axes")
    type: str
    quantization: QuantizationDescription | None = None
    tensor: str = Field(default="", description="its name in the graph, if that is another")

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> Mapping[str, Any]:
        fields: dict[str, Any] = serialize(self)
        unknown = {"quantization": self.quantization is None, "tensor": not self.tensor}
        return {name: value for name, value in fields.items() if not unknown.get(name)}


class SignatureDescription(BaseModel):
    """A function of a model."""

    inputs: list[TensorDescription]
    outputs: list[TensorDescription]


class Description(BaseModel):
    """A loaded model; a task adds what its lens knows."""

    signatures: dict[str, SignatureDescription]


class FrameDescription(BaseModel):
    """What the images of a model are."""

    width: int
    height: int
    channels: int


def describe_signatures(engine: Engine) -> dict[str, SignatureDescription]:
    """Return the inputs and outputs of each function of `engine`."""
    return {
        name: SignatureDescription(
            inputs=[_describe_tensor(spec) for spec in signature.inputs],
            outputs=[_describe_tensor(spec) for spec in signature.outputs],
        )
        for name, signature in engine.signatures.items()
    }


def _describe_tensor(spec: TensorSpec) -> TensorDescription:
    represented = spec.quantization
    return TensorDescription(
        name=spec.name,
        shape=None if spec.shape is None else list(spec.shape),
        type="string" if spec.dtype.kind == "O" else spec.dtype.name,
        quantization=None
        if represented is None
        else QuantizationDescription(scale=represented.scale, zero_point=represented.zero_point),
        tensor="" if spec.tensor == spec.name else spec.tensor,
    )
