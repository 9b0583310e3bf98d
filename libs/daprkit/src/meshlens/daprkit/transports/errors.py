"""Exceptions -> status codes of gRPC, for every service on the server."""

from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
import structlog

from meshlens.daprkit.application.status import Status, Statuses
from meshlens.daprkit.errors import Busy
from meshlens.daprkit.parsing.details import TRAILER, encode_details
from meshlens.daprkit.transports.interceptor import (
    Behaviour,
    Interceptor,
    StreamBehaviour,
)
from meshlens.faults import Fault

_log = structlog.get_logger(__name__)


class ErrorInterceptor(Interceptor):
    """Turns a handler's exceptions into a status and its details.

    Args:
        statuses: maps an exception to its code and message.
        domain: the name of the app, which the details give as their source.
    """

    def __init__(self, statuses: Statuses, domain: str) -> None:
        self._statuses = statuses
        self._domain = domain

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
        status, message = self._statuses.describe(error)
        if status is Status.INTERNAL:
            _log.error("unexpected error", exc_info=error)
        elif isinstance(error, Fault):
            details = encode_details(
                error,
                code=status.value[0],
                message=message,
                domain=self._domain,
                retry_after=error.retry_after if isinstance(error, Busy) else None,
            )
            context.set_trailing_metadata(((TRAILER, details),))
        context.abort(status, message)
        raise AssertionError("abort raises")
