"""Messages of inference, and what they mean."""

from collections.abc import Sequence
from itertools import islice

from google.protobuf.message import DecodeError

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.inference.elements import encode_raw
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rpc.contents import read_contents
from meshlens.protocols.inference.rpc.parameters import (
    check_request_parameters,
    read_classes,
    read_parameters,
)
from meshlens.protocols.inference.tensors import (
    InferAnswer,
    InferRequest,
    InputTensor,
    RequestedOutput,
)
from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire.fields import has_more_fields

# Fields of a request, so inputs, outputs, contents and parameters together.
_MOST_FIELDS = 10_000
# Axes that are read of a shape: more than any model has, so that the rest makes no difference.
_MOST_AXES = 65


def parse_request(body: bytes) -> pb.ModelInferRequest:
    """Return the message in the body of a call.

    Raises:
        Refused: it is none, or one of more fields than can be meant.
    """
    if has_more_fields(body, _MOST_FIELDS):
        raise invalid(f"expected a ModelInferRequest of at most {_MOST_FIELDS} fields, got more")
    try:
        return pb.ModelInferRequest.FromString(body)
    except DecodeError:
        raise invalid("expected a ModelInferRequest, got bytes that are none") from None


def read_request(message: pb.ModelInferRequest) -> InferRequest:
    """Return what a request means.

    Raises:
        Refused: its parameters or its contents are wrong.
    """
    check_request_parameters(message.parameters)
    # Reading a map of messages by a key would add it.
    parameters = message.parameters
    timeout = parameters["timeout"].int64_param if "timeout" in parameters else 0
    key = parameters["key"].string_param if "key" in parameters else ""
    return InferRequest(
        message.model_name,
        message.model_version,
        [
            InputTensor(
                sent.name,
                sent.datatype,
                _read_shape(sent.shape),
                data,
                read_parameters(sent.parameters),
            )
            for sent, data in zip(message.inputs, read_contents(message), strict=True)
        ],
        [
            RequestedOutput(
                output.name, read_classes(output.parameters), read_parameters(output.parameters)
            )
            for output in message.outputs
        ],
        message.id,
        timeout,
        key,
    )


def make_response(answer: InferAnswer) -> pb.ModelInferResponse:
    """Return an answer as a message, its outputs raw: some clients read no others."""
    response = pb.ModelInferResponse(
        model_name=answer.model, model_version=answer.version, id=answer.id
    )
    for output in answer.outputs:
        response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        response.raw_output_contents.append(encode_raw(output.array))
    return response


def make_streamed(answer: InferAnswer) -> pb.ModelStreamInferResponse:
    """Return an answer as a message of a stream, the only one to its request."""
    response = pb.ModelStreamInferResponse(infer_response=make_response(answer))
    response.infer_response.parameters["triton_final_response"].bool_param = True
    return response


def make_error(text: str, request_id: str) -> pb.ModelStreamInferResponse:
    """Return an error as a message of a stream, with the id by which its request is found."""
    return pb.ModelStreamInferResponse(
        error_message=text, infer_response=pb.ModelInferResponse(id=request_id)
    )


def find_id(body: bytes) -> str:
    """Return the id of a request that has been refused; empty if it is no request."""
    try:
        return parse_request(body).id
    except Refused:
        return ""


def _read_shape(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(islice(shape, _MOST_AXES))
