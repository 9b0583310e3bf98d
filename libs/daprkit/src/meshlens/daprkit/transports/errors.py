"""Exceptions -> status codes of gRPC, for every service on the server."""

from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from meshlens.daprkit.application.status import Status, Statuses
from meshlens.daprkit.errors import Busy
from meshlens.daprkit.transports.interceptor import Behaviour, UnaryInterceptor

_log = structlog.get_logger(__name__)


class ErrorInterceptor(UnaryInterceptor):
    """Turns what a handler raises into a status code."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    def wrap(self, behaviour: Behaviour, details: grpc.HandlerCallDetails) -> Behaviour:  # noqa: ARG002 - the same for every method
        """Return `behaviour` with its exceptions mapped."""

        def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            try:
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the one place that maps them all
                self._abort(error, context)

        return answer

    def _abort(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        status, message = self._statuses.describe(error)
        if status is Status.INTERNAL:
            _log.error("unexpected error", exc_info=error)
        if isinstance(error, Busy):
            context.set_trailing_metadata(_retry_info(status, message, error.retry_after))
        context.abort(status, message)
        raise AssertionError("abort raises")


def _retry_info(status: Status, message: str, seconds: float) -> tuple[tuple[str, bytes], ...]:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    rich = status_pb2.Status(code=status.value[0], message=message, details=[detail])
    return (("grpc-status-details-bin", rich.SerializeToString()),)
