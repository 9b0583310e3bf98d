"""Descriptions of models: their metadata, their place in the index, their configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshlens.protocols.inference.datatypes import name_datatype
from meshlens.protocols.models import Function, Model, ModelVersion, State, Tensor

_STATES = {
    State.START: "UNKNOWN",
    State.LOADING: "LOADING",
    State.AVAILABLE: "READY",
    State.UNLOADING: "UNLOADING",
    State.END: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What the server is.

    Attributes:
        name: of the server.
        version: of its program.
        extensions: of the protocol that it has.
    """

    name: str
    version: str
    extensions: Sequence[str]


@dataclass(frozen=True, slots=True)
class TensorMetadata:
    """An input or an output.

    Attributes:
        name: of the tensor.
        datatype: as the protocol names it.
        shape: sizes of its axes, -1 for one that is open; [-1] if even their number is.
    """

    name: str
    datatype: str
    shape: Sequence[int]


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a model takes and answers.

    Attributes:
        name: of the model.
        versions: those that answer, the oldest first; the one that was named.
        platform: what runs it; its configuration says the same.
        inputs: what it takes.
        outputs: what it answers.
    """

    name: str
    versions: Sequence[str]
    platform: str
    inputs: Sequence[TensorMetadata]
    outputs: Sequence[TensorMetadata]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A version in the index of the repository.

    Attributes:
        name: of the model.
        version: its number.
        state: UNKNOWN, LOADING, READY, UNLOADING or UNAVAILABLE.
        reason: why it is unavailable; empty if it is not.
    """

    name: str
    version: str
    state: str
    reason: str


def choose_function(model: Model) -> Function:
    """Return the function that requests call: the default one."""
    return next(iter(model.functions.values()))


def describe_model(model: Model, versions: Sequence[str]) -> ModelMetadata:
    """Return what the default function of a model takes and answers."""
    function = choose_function(model)
    return ModelMetadata(
        model.name,
        versions,
        model.platform,
        [describe_tensor(tensor) for tensor in function.inputs],
        [describe_tensor(tensor) for tensor in function.outputs],
    )


def describe_tensor(tensor: Tensor) -> TensorMetadata:
    """Return the name, the type and the shape of a tensor."""
    shape = (-1,) if tensor.shape is None else tensor.shape
    return TensorMetadata(tensor.name, name_datatype(tensor.dtype), shape)


def index_entry(version: ModelVersion) -> IndexEntry:
    """Return a version as the index lists it."""
    reason = "unloaded" if version.state is State.END else ""
    return IndexEntry(
        version.model, version.version, _STATES[version.state], version.error or reason
    )
