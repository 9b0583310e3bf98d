"""The description of a loaded model: its functions, and the images it takes."""

from pydantic import BaseModel, Field

from meshlens.classify.engines.engine import Engine, TensorSpec


class TensorDescription(BaseModel):
    """An input or output of a model."""

    name: str
    shape: list[int] | None = Field(description="-1 for any size; null for any number of axes")
    type: str


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
    return TensorDescription(
        name=spec.name,
        shape=None if spec.shape is None else list(spec.shape),
        type="string" if spec.dtype.kind == "O" else spec.dtype.name,
    )
