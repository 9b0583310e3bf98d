"""The bodies of requests and answers, for the API reference; nothing makes these objects."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from meshlens.daprkit.reference.described import Described
from meshlens.protocols.models import State
from meshlens.protocols.tfserving.results import Method

_SIGNATURE = Field(default="", description="the function to call; the default one if empty")


class KeyOption(Described):
    """The query; what else is in it is ignored."""

    key: str = Field(default="", description="what a rollout chooses a version by")


class RowRequest(Described):
    """Inputs in the row format: one element for each row of the batch."""

    signature_name: str = _SIGNATURE
    instances: list[Any] = Field(
        min_length=1,
        description="values, nested lists or, by the names of the inputs, objects of them;"
        ' bytes are {"b64": "<base64>"}',
    )


class ColumnRequest(Described):
    """Inputs in the column format: one tensor for each input."""

    signature_name: str = _SIGNATURE
    inputs: Any = Field(
        description="nested lists by the name of the input, or those of the only input;"
        ' bytes are {"b64": "<base64>"}'
    )


class ExamplesRequest(Described):
    """Examples: features by name, each a value or a list of values of one type."""

    signature_name: str = _SIGNATURE
    context: dict[str, Any] = Field(default={}, description="features of every example")
    examples: list[dict[str, Any]] = Field(min_length=1, description="features by name")


class Predictions(Described):
    """Outputs in the row format."""

    predictions: list[Any] = Field(
        description="for each row the only output, or an object of all outputs by name"
    )


class Outputs(Described):
    """Outputs in the column format."""

    outputs: Any = Field(description="the only output, or all outputs by name, as nested lists")


class Classes(Described):
    """The classes of examples."""

    results: list[list[tuple[str, float]]] = Field(
        description="for each example the label and the score of each class, in the model's order"
    )


class Values(Described):
    """The number of each example."""

    results: list[float] = Field(description="one for each example")


class StatusOfVersion(Described):
    """Whether a version has failed."""

    error_code: str = Field(description="OK, or the name of a status code")
    error_message: str = Field(description="why it failed; empty if it did not")


class VersionState(Described):
    """A version of a model."""

    version: str = Field(description="its number")
    state: State = Field(description="where it is in its life")
    status: StatusOfVersion = Field(description="whether it has failed")


class ModelStatus(Described):
    """The state of the versions of a model."""

    model_config = ConfigDict(protected_namespaces=())

    model_version_status: list[VersionState] = Field(description="the newest first")


class Dim(Described):
    """The size of an axis."""

    size: str = Field(description="a number; -1 if it is open")
    name: Literal[""] = Field(description="empty")


class Shape(Described):
    """The shape of a tensor."""

    dim: list[Dim] = Field(description="the axes")
    unknown_rank: bool = Field(description="whether even their number is open")


class TensorInfo(Described):
    """A tensor of a function."""

    name: str = Field(description="its name")
    dtype: str = Field(description="the type of its elements, such as DT_FLOAT")
    tensor_shape: Shape = Field(description="its shape")


class SignatureDef(Described):
    """A function of a model."""

    inputs: dict[str, TensorInfo] = Field(description="by name")
    outputs: dict[str, TensorInfo] = Field(description="by name")
    method_name: Method = Field(description="what it is for")
    defaults: dict[str, Any] = Field(description="empty")


class SignatureDefs(Described):
    """The functions of a model."""

    signature_def: dict[str, SignatureDef] = Field(description="by name")


class Metadata(Described):
    """What is known of a model."""

    signature_def: SignatureDefs = Field(description="its functions")


class Spec(Described):
    """Which version it is about."""

    name: str = Field(description="of the model")
    version: str = Field(description="its number")
    signature_name: Literal[""] = Field(description="empty")


class ModelMetadata(Described):
    """The functions of a version of a model."""

    model_config = ConfigDict(protected_namespaces=())

    model_spec: Spec = Field(description="which version")
    metadata: Metadata = Field(description="its functions")


class ShapesFact(Described):
    """What the event of a prediction says."""

    shapes: dict[str, list[int]] = Field(description="of the outputs, by name")


class ExamplesFact(Described):
    """What the event of a request with examples says."""

    examples: int = Field(description="how many there were")
