"""What an answer says, whatever form it has: status, text, tensors, and all else as a tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.elements import as_texts, decode_numbers, decode_texts

Tree: TypeAlias = Any  # what JSON can hold, and bytes


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of an answer.

    Attributes:
        datatype: as the protocol names it.
        array: its elements in its shape; object with bytes for texts.
    """

    datatype: str
    array: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an answer.

    Attributes:
        tensors: by name.
        rest: everything else.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    rest: Tree = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as it is compared.

    Attributes:
        status: as in the answer.
        text: of an error, out of the body that it came in.
        messages: none of an error by HTTP.
    """

    status: str
    text: str
    messages: Sequence[Message]


def read_elements(raw: "bytes | memoryview", datatype: str, shape: Sequence[int]) -> Tensor:
    """Return a tensor in the raw form of the Open Inference Protocol.

    Raises:
        ValueError: the bytes are not that tensor.
    """
    if datatype == "BYTES":
        array = as_texts(decode_texts(raw))
    elif datatype == "BF16":  # the upper half of a float32
        array = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        array = decode_numbers(raw, find_type(datatype))
    return Tensor(datatype, array.reshape(tuple(shape)))


def find_type(datatype: str) -> np.dtype[np.generic]:
    """Return numpy's type for one of the protocol.

    Raises:
        ValueError: there is none.
    """
    dtype = find_dtype(datatype)
    if dtype is None:
        raise ValueError(f"datatype {datatype}")
    return dtype
