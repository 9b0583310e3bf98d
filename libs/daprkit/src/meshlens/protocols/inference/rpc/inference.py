"""ModelInfer and ModelStreamInfer: calls of a model, one by one or in a stream."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import Lane, OnCallerGone
from meshlens.protocols.inference.rpc.messages import (
    find_id,
    make_error,
    make_response,
    make_streamed,
    parse_request,
    read_request,
)
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.tensors import InferAnswer
from meshlens.protocols.wire import inference_pb2 as pb

INFERENCE = "inference.GRPCInferenceService"
# With this metadata the first error ends a stream, with its status.
_ERRORS_END = ("triton_grpc_error", "true")


@dataclass(frozen=True, slots=True)
class Received:
    """A call as it came; `application.Incoming`."""

    body: bytes
    time_limit: float


def receive(body: bytes, application: Application, context: grpc.ServicerContext) -> Received:
    """Return a call with the time it may take: the service's limit, or less by its deadline."""
    return Received(body, min(application.time_limit, context.time_remaining()))


def make_infer_handler(
    application: Application, server: InferenceServer
) -> "grpc.RpcMethodHandler[bytes, InferAnswer]":
    """Return what answers ModelInfer."""

    def answer(body: bytes, context: grpc.ServicerContext) -> InferAnswer:
        received = receive(body, application, context)
        return _infer(application, server, "ModelInfer", received, context.add_callback)

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
        with application.streams.open(context.cancel) as stream:
            if not context.add_callback(stream.leave):
                return
            for body in _until_gone(bodies):
                with stream.message():
                    received = receive(body, application, context)
                    try:
                        answered = _infer(
                            application,
                            server,
                            "ModelStreamInfer",
                            received,
                            stream.on_caller_gone,
                        )
                    except Exception as error:
                        if errors_end:
                            raise
                        refusal = application.refuse(error)
                        response = make_error(refusal.message, find_id(body))
                    else:
                        response = make_streamed(answered)
                    yield response

    return grpc.stream_stream_rpc_method_handler(
        answer, response_serializer=pb.ModelStreamInferResponse.SerializeToString
    )


def _infer(
    application: Application,
    server: InferenceServer,
    method: str,
    received: Received,
    on_caller_gone: OnCallerGone,
) -> InferAnswer:
    return application.answer(
        received,
        lambda it: server.infer(read_request(parse_request(it.body))),
        method=f"{INFERENCE}/{method}",
        lane=Lane.WORK,
        on_caller_gone=on_caller_gone,
    )


def _until_gone(bodies: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the messages of a stream until its end, or until its caller goes away."""
    while True:
        try:
            body = next(bodies)
        except (StopIteration, grpc.RpcError):
            return
        yield body
