"""One table from exception class to status code, and the interceptor that applies it."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from meshlens.daprkit import errors
from meshlens.daprkit.details import TRAILER, encode_details, shorten
from meshlens.daprkit.telemetry import Handler
from meshlens.faults import Fault

Status: TypeAlias = grpc.StatusCode
StatusTable: TypeAlias = Mapping[type[Exception], Status]

INTERNAL_MESSAGE = "internal error; the service's log has the details under this trace id"
# Bytes; trailers share gRPC's 8 KiB of metadata with the details, so a message is cut long before.
LONGEST_MESSAGE = 1000

DAPRKIT: StatusTable = {
    errors.WrongToken: Status.UNAUTHENTICATED,
    errors.InvalidRequest: Status.INVALID_ARGUMENT,
    errors.BodyTooLarge: Status.RESOURCE_EXHAUSTED,
    errors.MethodNotFound: Status.NOT_FOUND,
    errors.CallerGone: Status.CANCELLED,
    errors.Busy: Status.RESOURCE_EXHAUSTED,
    errors.TimeLimitExceeded: Status.DEADLINE_EXCEEDED,
    errors.EventNotConfirmed: Status.UNAVAILABLE,
    errors.StoreUnavailable: Status.UNAVAILABLE,
    errors.InputUnavailable: Status.UNAVAILABLE,
    errors.CannotListen: Status.UNAVAILABLE,
}

_log = structlog.get_logger(__name__)


class Statuses:
    """Looks an exception up by its class, the most specific base first.

    Args:
        table: the service's own classes; daprkit's are always known.
    """

    def __init__(self, table: StatusTable) -> None:
        self._table = {**DAPRKIT, **table}

    def describe(self, error: Exception) -> tuple[Status, str]:
        """Return the status code and the message that the caller of `error` gets.

        A class that no table lists is a bug: the caller gets INTERNAL with a fixed text.
        """
        for base in type(error).__mro__:
            status = self._table.get(base)
            if status is not None:
                return status, shorten(str(error), LONGEST_MESSAGE)
        return Status.INTERNAL, INTERNAL_MESSAGE


class StatusInterceptor(grpc.ServerInterceptor):
    """Turns what a handler raises into a status, for every service on the server.

    Args:
        statuses: which code and message an exception becomes.
        domain: the name of the app, by which details say whose fault it is.
    """

    def __init__(self, statuses: Statuses, domain: str) -> None:
        self._statuses = statuses
        self._domain = domain

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the handler of a unary call; leave streams as they are."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        behaviour = handler.unary_unary

        def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            try:
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the one place that maps them all
                self._abort(error, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

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
                retry_after=error.retry_after if isinstance(error, errors.Busy) else None,
            )
            context.set_trailing_metadata(((TRAILER, details),))
        context.abort(status, message)
        raise AssertionError("abort raises")
