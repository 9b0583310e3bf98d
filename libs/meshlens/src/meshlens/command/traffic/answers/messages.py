"""Answers by gRPC -> what they say, where the service is one of `meshlens.protocols.wire`."""

from functools import cache
from typing import Any

import numpy as np
from google.protobuf import json_format, message, message_factory

from meshlens.command.traffic.answers.reading import (
    Message,
    Reading,
    Tensor,
    find_type,
    read_elements,
)
from meshlens.command.traffic.exchange import Answer
from meshlens.daprkit.application.status import Refused
from meshlens.protocols.inference.elements import as_texts
from meshlens.protocols.tfserving.rpc.tensors import read_tensor
from meshlens.protocols.wire.inference_pb2 import ModelInferResponse, ModelStreamInferResponse
from meshlens.protocols.wire.pool import find_services, load_pool
from meshlens.protocols.wire.tfserving_pb2 import PredictResponse


def read_grpc(path: str, answer: Answer, *, largest: int) -> Reading:
    """Return what an answer says; messages of unknown services stay bytes.

    Args:
        path: of the request.
        answer: as it came.
        largest: bytes of a tensor.
    """
    kind = _answers().get(path)
    return Reading(
        answer.status, answer.text, [_read_body(kind, body, largest) for body in answer.bodies]
    )


@cache
def _answers() -> dict[str, type[message.Message]]:
    """The class of the answer of every method, by its path."""
    return {
        f"/{service.full_name}/{method.name}": message_factory.GetMessageClass(method.output_type)
        for service in find_services()
        for method in service.methods
    }


def _read_body(kind: type[message.Message] | None, body: bytes, largest: int) -> Message:
    if kind is None:
        return Message(rest=body)
    try:
        read = kind.FromString(body)
        tensors = _take_tensors(read, largest)
        rest = json_format.MessageToDict(
            read, preserving_proto_field_name=True, descriptor_pool=load_pool()
        )
    except (json_format.Error, message.DecodeError, Refused, TypeError, ValueError):
        return Message(rest=body)
    return Message(tensors, rest)


def _take_tensors(read: Any, largest: int) -> dict[str, Tensor]:  # noqa: ANN401 - of any class
    """Return the tensors of a message, and leave the rest in it."""
    if isinstance(read, ModelStreamInferResponse):
        return _take_tensors(read.infer_response, largest)
    tensors: dict[str, Tensor] = {}
    if isinstance(read, ModelInferResponse):
        raw = list(read.raw_output_contents)
        if raw and len(raw) != len(read.outputs):
            raise ValueError("as many raw contents as outputs")
        for number, output in enumerate(read.outputs):
            tensors[output.name] = (
                read_elements(raw[number], output.datatype, output.shape)
                if raw
                else _read_contents(output)
            )
        read.ClearField("outputs")
        read.ClearField("raw_output_contents")
    elif isinstance(read, PredictResponse):
        for name, proto in read.outputs.items():
            array = read_tensor(proto, name, most_bytes=largest)
            tensors[name] = Tensor(array.dtype.name, array)
        read.ClearField("outputs")
    return tensors


def _read_contents(output: Any) -> Tensor:  # noqa: ANN401 - a class of the pool
    """Return an output whose elements are typed; only one field of them is filled."""
    filled = [values for _, values in output.contents.ListFields()]
    values = filled[0] if filled else ()
    if output.datatype == "BYTES":
        array = as_texts(list(values))
    else:
        array = np.array(values, find_type(output.datatype))
    return Tensor(output.datatype, array.reshape(tuple(output.shape)))
