"""The shape of our gRPC interceptors."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import grpc

# A handler of whatever messages, if there is one: interceptors never look inside.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Handler]
Behaviour: TypeAlias = Callable[[Any, grpc.ServicerContext], Any]
StreamBehaviour: TypeAlias = Callable[[Any, grpc.ServicerContext], Iterator[Any]]

_MAKERS: dict[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class Interceptor(grpc.ServerInterceptor):
    """Wraps the handlers of calls, whether they answer once or with a stream."""

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler of a call, wrapped."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        behaviour: Any = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        # Such a one sends by a callback, and has a signature of its own: that is health's Watch.
        if hasattr(behaviour, "experimental_non_blocking"):
            return handler
        wrap = self.wrap_stream if handler.response_streaming else self.wrap
        wrapped = wrap(behaviour, handler_call_details)
        if wrapped is behaviour:
            return handler
        return replace_behaviour(
            handler, wrapped, handler.request_deserializer, handler.response_serializer
        )

    @abstractmethod
    def wrap(self, behaviour: Behaviour, details: grpc.HandlerCallDetails) -> Behaviour:
        """Return the function to answer the call instead of `behaviour`, or `behaviour` itself."""

    @abstractmethod
    def wrap_stream(
        self, behaviour: StreamBehaviour, details: grpc.HandlerCallDetails
    ) -> StreamBehaviour:
        """Return what answers with a stream instead of `behaviour`, or `behaviour` itself."""


def replace_behaviour(handler: Handler, behaviour: Behaviour, *codec: Any) -> Handler:  # noqa: ANN401 - as grpc has them
    """Return a handler of the same kind, one answer to one message if there is none.

    Args:
        handler: whose kind it is.
        behaviour: what answers.
        codec: what decodes requests and encodes answers; bytes are left as they are without them.
    """
    kind = (handler.request_streaming, handler.response_streaming) if handler else (False, False)
    made: Handler = _MAKERS[kind](behaviour, *codec)
    return made
