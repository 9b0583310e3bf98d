"""Exceptions -> status codes of gRPC, for every service on the server."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc

from meshlens.daprkit.application.refusals import Refusal
from meshlens.daprkit.parsing.details import TRAILER
from meshlens.daprkit.telemetry.call import CallProtocol
from meshlens.daprkit.transports.interceptor import (
    Behaviour,
    Interceptor,
    StreamBehaviour,
)

# Health checks and reflection are no calls of the service.
_UNCOUNTED = ("/grpc.", "/dapr.proto.runtime.v1.AppCallbackHealthCheck/")
_STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
_TOPICS = (
    "/dapr.proto.runtime.v1.AppCallback/OnTopicEvent",
    "/dapr.proto.runtime.v1.AppCallback/OnBulkTopicEvent",
)


def name_protocol(method: str) -> CallProtocol:
    """Return the protocol that a gRPC method is of."""
    if method in _TOPICS:
        return "topic"
    if method == _STREAM:
        return "stream"
    if method.startswith("/tensorflow."):
        return "tfserving"
    return "grpc" if method.startswith("/inference.") else "invoke"


class ErrorInterceptor(Interceptor):
    """Turns a handler's exceptions into a status and its details.

    Args:
        refuse: returns what the caller of an error gets.
        count: counts a call that has failed, unless the application has done so.
    """

    def __init__(
        self,
        refuse: Callable[[Exception], Refusal],
        count: Callable[[CallProtocol, Exception], None] = lambda _protocol, _error: None,
    ) -> None:
        self._refuse = refuse
        self._count = count

    def wrap(self, behaviour: Behaviour, details: grpc.HandlerCallDetails) -> Behaviour:
        """Return `behaviour` with its exceptions mapped."""

        def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            try:
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the one place that maps them all
                self._abort(error, context, details.method)

        return answer

    def wrap_stream(
        self, behaviour: StreamBehaviour, details: grpc.HandlerCallDetails
    ) -> StreamBehaviour:
        """Return `behaviour` with the exceptions that end its stream mapped."""

        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401 - any message
            try:
                yield from behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - as above
                self._abort(error, context, details.method)

        return answer

    def _abort(self, error: Exception, context: grpc.ServicerContext, method: str) -> NoReturn:
        if not method.startswith(_UNCOUNTED):
            self._count(name_protocol(method), error)
        refusal = self._refuse(error)
        if refusal.details:
            context.set_trailing_metadata(((TRAILER, refusal.details),))
        context.abort(refusal.status, refusal.message)
        raise AssertionError("abort raises")
