"""ModelInfer and ModelStreamInfer: calls of a model, one by one or in a stream."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import grpc

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.callers import OnCallerGone, read_caller
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.origin import read_headers
from meshlens.daprkit.application.streams import Stream
from meshlens.protocols.inference.rpc.messages import (
    find_id,
    make_error,
    make_response,
    make_streamed,
    parse_request,
    read_request,
)
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.tensors import InferAnswer, InferRequest
from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire.fields import find_first_text
from meshlens.timing import Phase, noted

INFERENCE = "inference.GRPCInferenceService"
STREAM = "ModelStreamInfer"
# With this metadata the first error ends a stream, with its status.
_ERRORS_END = ("triton_grpc_error", "true")


@dataclass(frozen=True, slots=True)
class Received:
    """A call as it came; `work.Incoming`."""

    body: bytes
    time_limit: float
    caller: str
    headers: Mapping[str, str]


def receive(body: bytes, application: Application, context: grpc.ServicerContext) -> Received:
    """Return a call with the time it may take: the service's limit, or less by its deadline."""
    time_limit = min(application.time_limit, context.time_remaining())
    metadata = context.invocation_metadata()
    return Received(body, time_limit, read_caller(metadata), read_headers(metadata))


def make_infer_handler(
    application: Application, server: InferenceServer
) -> "grpc.RpcMethodHandler[bytes, InferAnswer]":
    """Return what answers ModelInfer."""

    def answer(body: bytes, context: grpc.ServicerContext) -> InferAnswer:
        received = receive(body, application, context)
        key = Key.read_metadata(context.invocation_metadata(), received.caller)
        return _infer(application, server, "ModelInfer", received, context.add_callback, key)

    return grpc.unary_unary_rpc_method_handler(
        answer, response_serializer=lambda answered: make_response(answered).SerializeToString()
    )


def make_stream_handler(
    application: Application, server: InferenceServer
) -> "grpc.RpcMethodHandler[bytes, pb.ModelStreamInferResponse]":
    """Return what answers ModelStreamInfer: each message by one, in their order.

    A message that is refused is answered by the text of its error, and the stream goes on.
    """

    def answer(
        bodies: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[pb.ModelStreamInferResponse]:
        errors_end = _ERRORS_END in context.invocation_metadata()
        caller = read_caller(context.invocation_metadata())
        key = Key.read_metadata(context.invocation_metadata(), caller)
        places = itertools.count(1)

        def respond(body: bytes, stream: Stream) -> pb.ModelStreamInferResponse:
            received = receive(body, application, context)
            own = key and key.number(next(places))
            try:
                return make_streamed(
                    _infer(application, server, STREAM, received, stream.on_caller_gone, own)
                )
            except Exception as error:
                if errors_end:
                    raise
                return make_error(application.refuse(error).message, find_id(body))

        with application.open_stream(context.cancel, f"{INFERENCE}/{STREAM}") as stream:
            if not context.add_callback(stream.leave):
                return
            for body in _until_gone(bodies):
                with stream.message():
                    yield respond(body, stream)
                # Else it would be in memory, uncounted, as long as the stream is idle.
                del body
                if stream.is_ending:
                    context.set_code(grpc.StatusCode.CANCELLED)
                    context.set_details("the service is shutting down; open another stream")
                    return

    return grpc.stream_stream_rpc_method_handler(
        answer, response_serializer=pb.ModelStreamInferResponse.SerializeToString
    )


def _infer(
    application: Application,
    server: InferenceServer,
    method: str,
    received: Received,
    on_caller_gone: OnCallerGone,
    key: Key | None,
) -> InferAnswer:
    return application.answer(
        received,
        lambda it: server.infer(_read(it.body)),
        method=f"{INFERENCE}/{method}",
        lane=Lane.WORK,
        protocol="stream" if method == STREAM else "grpc",
        on_caller_gone=on_caller_gone,
        key=key,
        model=find_first_text(received.body),
        headers=received.headers,
    )


@noted(Phase.DECODE)
def _read(body: bytes) -> InferRequest:
    return read_request(parse_request(body))


def _until_gone(bodies: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the messages of a stream until its end, or until its caller goes away."""
    with suppress(grpc.RpcError):
        yield from bodies
