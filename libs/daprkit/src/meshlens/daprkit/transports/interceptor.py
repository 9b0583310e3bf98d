"""The shape of our gRPC interceptors."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc

# A handler of whatever messages, if there is one: interceptors never look inside.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Handler]
Behaviour: TypeAlias = Callable[[Any, grpc.ServicerContext], Any]


class UnaryInterceptor(grpc.ServerInterceptor):
    """Wraps the handlers of unary calls; streams stay as they are."""

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler of a call, a unary one wrapped."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        behaviour = self.wrap(handler.unary_unary, handler_call_details)
        if behaviour is handler.unary_unary:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            behaviour, handler.request_deserializer, handler.response_serializer
        )

    @abstractmethod
    def wrap(self, behaviour: Behaviour, details: grpc.HandlerCallDetails) -> Behaviour:
        """Return the function to answer the call instead of `behaviour`, or `behaviour` itself."""
