"""The JSON of the protocol, for the API reference; tests compare it with what is answered."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from meshlens.daprkit.reference.described import Described

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BF16",
    "BYTES",
]


class Live(Described):
    """Whether the server lives."""

    live: bool = Field(description="true")


class Ready(Described):
    """Whether the service can answer requests."""

    ready: bool = Field(description="true; while it cannot, the status is UNAVAILABLE")


class Server(Described):
    """What the server is."""

    name: str = Field(description="of the server")
    version: str = Field(description="of its program")
    extensions: list[str] = Field(description="of the protocol that it has")


class ModelNames(Described):
    """The models."""

    models: list[str] = Field(description="their names, loaded or not")


class TensorShape(Described):
    """An input or an output of a model."""

    name: str = Field(description="of the tensor")
    datatype: str = Field(description="of its elements, such as FP32; BYTES for texts and files")
    shape: list[int] = Field(description="sizes of its axes, -1 for one that is open")


class ModelSignature(Described):
    """What a model takes and answers."""

    name: str = Field(description="of the model")
    versions: list[str] = Field(description="those that answer, or the one that was named")
    platform: str = Field(description="what runs it, such as tensorflow_tflite")
    inputs: list[TensorShape] = Field(description="what it takes")
    outputs: list[TensorShape] = Field(description="what it answers")


class ModelReady(Described):
    """Whether a version of a model answers."""

    name: str = Field(description="of the model")
    ready: bool = Field(description="true; while it does not, the status is UNAVAILABLE")


class ConfiguredTensor(Described):
    """An input or an output as Triton configures it."""

    name: str = Field(description="of the tensor")
    data_type: str = Field(description="such as TYPE_FP32")
    dims: list[int] = Field(description="sizes of its axes, -1 for one that is open")


class ModelConfig(Described):
    """A model as Triton would configure it."""

    name: str = Field(description="of the model")
    platform: str = Field(description="what runs it")
    backend: str = Field(description="empty")
    version_policy: dict[str, Any] = Field(description="the versions that answer")
    max_batch_size: int = Field(description="0: shapes have all axes")
    input: list[ConfiguredTensor] = Field(description="what it takes")
    output: list[ConfiguredTensor] = Field(description="what it answers")


class Durations(Described):
    """How often something took place."""

    count: int = Field(description="how often")
    ns: int = Field(description="how many nanoseconds it took in total")


class BatchStatistics(Described):
    """What requests of one size of batch took."""

    batch_size: int = Field(description="elements of the batch")
    compute_input: Durations = Field(description="to read inputs")
    compute_infer: Durations = Field(description="to compute")
    compute_output: Durations = Field(description="to make outputs")


class VersionStatistics(Described):
    """The requests of one version by this protocol."""

    name: str = Field(description="of the model")
    version: str = Field(description="its number")
    last_inference: int = Field(description="milliseconds since 1970; 0 for never")
    inference_count: int = Field(description="elements of batches")
    execution_count: int = Field(description="runs of the model")
    inference_stats: dict[str, Durations] = Field(
        description="success, fail, queue, compute_input, compute_infer, compute_output, cache_hit"
        " and cache_miss"
    )
    batch_stats: list[BatchStatistics] = Field(description="the same by size of batch")


class Statistics(Described):
    """What versions have computed since the start."""

    model_stats: list[VersionStatistics] = Field(description="one for each version that answers")


class InferInput(Described):
    """An input, with its data in one of two places."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="of the input")
    datatype: Datatype = Field(description="of its elements; FP16 and BF16 only as binary data")
    shape: list[int] = Field(description="sizes of its axes")
    data: list[Any] | None = Field(
        default=None, description="its elements, flat or nested; strings for BYTES"
    )
    parameters: dict[str, Any] = Field(
        default={},
        description="binary_data_size: bytes of its binary data, which follow the JSON, instead of"
        ' data; content_type "base64": the strings are that',
    )


class WantedOutput(Described):
    """An output that is wanted."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="of the output")
    parameters: dict[str, Any] = Field(
        default={},
        description="binary_data: whether as binary data behind the JSON; classification: how many"
        " of its largest elements to return instead, as value:index:label",
    )


class Inference(Described):
    """A request for an inference."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(default="", description="of the caller's choice; it is returned")
    inputs: list[InferInput] = Field(description="one for each input of the model")
    outputs: list[WantedOutput] = Field(default=[], description="all if there are none")
    parameters: dict[str, Any] = Field(
        default={},
        description="binary_data_output: whether outputs come as binary data by default; timeout:"
        " microseconds that the request may wait for a worker; key: what a rollout chooses a"
        " version by, a string",
    )


class InferOutput(Described):
    """An output, with its data in one of two places."""

    name: str = Field(description="of the output")
    datatype: Datatype = Field(description="of its elements")
    shape: list[int] = Field(description="sizes of its axes")
    data: list[Any] = Field(default=[], description="its elements, flat; left out if binary")
    parameters: dict[str, int] = Field(
        default={}, description="binary_data_size: bytes of its binary data; left out without any"
    )


class Inferred(Described):
    """The answer to an inference."""

    id: str = Field(default="", description="of the request; left out if it had none")
    model_name: str = Field(description="the model that has answered")
    model_version: str = Field(description="its number")
    outputs: list[InferOutput] = Field(description="in the order of the request")


class InferFacts(Described):
    """What the event of an inference says."""

    shapes: dict[str, list[int]] = Field(description="of the outputs, by name")


class IndexBody(Described):
    """Which versions the index lists."""

    ready: bool = Field(default=False, description="only those that answer")


class IndexedVersion(Described):
    """A version of a model."""

    name: str = Field(description="of the model")
    version: str = Field(description="its number")
    state: Literal["UNKNOWN", "LOADING", "READY", "UNLOADING", "UNAVAILABLE"] = Field(
        description="where it is in its life"
    )
    reason: str = Field(description="why it is unavailable; empty if it is not")


class LoadBody(Described):
    """How to load or unload a model."""

    parameters: dict[str, Any] = Field(
        default={}, description="unload_dependents is ignored; config and file: are refused"
    )


class Load(Described):
    """A model that has been loaded."""

    name: str = Field(description="of the model")
    load: bool = Field(description="true")


class Unload(Described):
    """A model that has been unloaded."""

    name: str = Field(description="of the model")
    unload: bool = Field(description="true")
