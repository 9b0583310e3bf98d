"""Exceptions -> status codes of gRPC, for every service on the server."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc

from meshlens.daprkit.application.refusals import Refusal
from meshlens.daprkit.parsing.details import TRAILER
from meshlens.daprkit.transports.interceptor import (
    Behaviour,
    Interceptor,
    StreamBehaviour,
)


class ErrorInterceptor(Interceptor):
    """Turns a handler's exceptions into a status and its details.

    Args:
        refuse: returns what the caller of an error gets.
    """

    def __init__(self, refuse: Callable[[Exception], Refusal]) -> None:
        self._refuse = refuse

    def wrap(self, behaviour: Behaviour, details: grpc.HandlerCallDetails) -> Behaviour:  # noqa: ARG002 - the same for every method
        """Return `behaviour` with its exceptions mapped."""

        def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            try:
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the one place that maps them all
                self._abort(error, context)

        return answer

    def wrap_stream(
        self,
        behaviour: StreamBehaviour,
        details: grpc.HandlerCallDetails,  # noqa: ARG002 - the same for every method
    ) -> StreamBehaviour:
        """Return `behaviour` with the exceptions that end its stream mapped."""

        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401 - any message
            try:
                yield from behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - as above
                self._abort(error, context)

        return answer

    def _abort(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        refusal = self._refuse(error)
        if refusal.details:
            context.set_trailing_metadata(((TRAILER, refusal.details),))
        context.abort(refusal.status, refusal.message)
        raise AssertionError("abort raises")
