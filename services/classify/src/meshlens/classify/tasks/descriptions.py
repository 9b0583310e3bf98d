"""The description of a loaded model: its functions, and the images it takes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from meshlens.classify.engines.engine import Engine, TensorSpec


class QuantizationDescription(BaseModel):
    """How integers stand for reals: real = scale * (number - zero_point)."""

    scale: float = Field(description="of one step")
    zero_point: int = Field(description="the number that stands for 0")


class TensorDescription(BaseModel):
    """An input or output of a model; what it has not is left out."""

    name: str = Field(description="by which callers give it")
    shape: list[int] | None = Field(description="-1 for any size; null for any number of axes")
    type: str = Field(description="of its elements, as numpy names it; string for texts")
    quantization: QuantizationDescription | None = Field(
        default=None, description="how its integers stand for reals"
    )
    tensor: str = Field(default="", description="its name in the graph, if that is another")

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> Mapping[str, Any]:
        fields: dict[str, Any] = serialize(self)
        unknown = {"quantization": self.quantization is None, "tensor": not self.tensor}
        return {name: value for name, value in fields.items() if not unknown.get(name)}


class SignatureDescription(BaseModel):
    """A function of a model."""

    inputs: list[TensorDescription] = Field(description="what it takes")
    outputs: list[TensorDescription] = Field(description="what it computes")


class Description(BaseModel):
    """A loaded model; a task adds what its lens knows."""

    signatures: dict[str, SignatureDescription] = Field(description="its functions, by name")


class FrameDescription(BaseModel):
    """What the images of a model are."""

    width: int = Field(description="in pixels")
    height: int = Field(description="in pixels")
    channels: int = Field(description="1 for gray, 3 for colours, 4 with transparency")


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
