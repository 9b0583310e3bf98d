"""A call of a model, and its answer: named tensors in, named tensors out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from meshlens.daprkit.messages import Provenance
from meshlens.protocols.models import Array

Parameter: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class InputTensor:
    """An input as it came, not yet compared with what the model takes.

    Attributes:
        name: of the input.
        datatype: as the protocol names it, such as FP32; BYTES for texts and files.
        shape: sizes of its axes.
        data: its elements: either the bytes of the protocol's raw form, or an array (n,) of the
            type that `datatypes.find_dtype` has for the datatype, object with bytes for BYTES.
        parameters: as sent.
    """

    name: str
    datatype: str
    shape: Sequence[int]
    data: "bytes | memoryview | Array"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output that the caller wants.

    Attributes:
        name: of the output.
        classes: how many of its largest elements to return as texts, by the extension for
            classification; 0 for the output itself.
        parameters: as sent.
    """

    name: str
    classes: int = 0
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A call of a model.

    Attributes:
        model: its name.
        version: its number or label; empty to leave the choice to the server.
        inputs: in any order.
        outputs: empty for all of them.
        id: of the caller's own choice; it is returned.
        timeout: microseconds that the request may wait before the model runs; 0 for no limit.
        key: what the server may choose a version by; empty without one.
        raw: the elements of the only input, of which the model says the rest; None where `inputs`
            say all.
    """

    model: str
    version: str = ""
    inputs: Sequence[InputTensor] = ()
    outputs: Sequence[RequestedOutput] = ()
    id: str = ""
    timeout: int = 0
    key: str = ""
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """An output.

    Attributes:
        name: of the output.
        datatype: as the protocol names it.
        array: its elements in its shape; object with bytes for BYTES.
    """

    name: str
    datatype: str
    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its axes."""
        return self.array.shape


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """What a model answers; `application.Outgoing`.

    Attributes:
        model: its name.
        version: its number.
        outputs: in the order in which they were requested, else in the model's.
        id: of the request.
        provenance: of that version.
    """

    model: str
    version: str
    outputs: Sequence[OutputTensor]
    id: str = ""
    provenance: Provenance | None = None

    @property
    def result(self) -> Mapping[str, Any]:
        """The shapes of the outputs, for the event; the numbers may be many."""
        return {"shapes": {output.name: list(output.shape) for output in self.outputs}}

    @property
    def size(self) -> int:
        """The bytes of the outputs."""
        arrays = [output.array for output in self.outputs]
        of_texts = (array.ravel().tolist() for array in arrays if array.dtype.hasobject)
        return sum(array.nbytes for array in arrays) + sum(
            len(text) for texts in of_texts for text in texts
        )


def count_elements(shape: Sequence[int]) -> int:
    """Return how many elements a tensor has; `shape` must be short, as the number is exact."""
    return math.prod(shape)
