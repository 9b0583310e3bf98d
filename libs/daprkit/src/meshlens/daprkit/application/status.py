"""One table from exception class to status code."""

from collections.abc import Mapping
from typing import TypeAlias

import grpc

from meshlens.daprkit import errors
from meshlens.daprkit.parsing.details import shorten
from meshlens.faults import Fault

Status: TypeAlias = grpc.StatusCode
StatusTable: TypeAlias = Mapping[type[Exception], Status]

INTERNAL_MESSAGE = "internal error; the service's log has the details under this trace id"
# Bytes; message and details share gRPC's 8 KiB of trailers, so the message is cut well below that.
LONGEST_MESSAGE = 1000
# Of another server: the longest text of TensorFlow Serving and its mark that a text is cut. A
# refusal has no places, which leaves room for it.
LONGEST_REFUSAL = 1040

# Dapr's table, HTTPStatusFromCode in its pkg/messaging/v1/util.go.
HTTP: Mapping[Status, int] = {
    Status.CANCELLED: 408,
    Status.INVALID_ARGUMENT: 400,
    Status.DEADLINE_EXCEEDED: 504,
    Status.NOT_FOUND: 404,
    Status.ALREADY_EXISTS: 409,
    Status.PERMISSION_DENIED: 403,
    Status.UNAUTHENTICATED: 401,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.FAILED_PRECONDITION: 400,
    Status.ABORTED: 409,
    Status.OUT_OF_RANGE: 400,
    Status.UNIMPLEMENTED: 501,
    Status.INTERNAL: 500,
    Status.UNAVAILABLE: 503,
    Status.DATA_LOSS: 500,
    Status.UNKNOWN: 500,
}

DAPRKIT: StatusTable = {
    errors.WrongToken: Status.UNAUTHENTICATED,
    errors.NotAdministrator: Status.PERMISSION_DENIED,
    errors.ForeignPage: Status.PERMISSION_DENIED,
    errors.InvalidRequest: Status.INVALID_ARGUMENT,
    errors.WrongVerb: Status.INVALID_ARGUMENT,
    errors.HeadTooLarge: Status.INVALID_ARGUMENT,
    errors.BodyTooLarge: Status.RESOURCE_EXHAUSTED,
    errors.TooManyBytes: Status.RESOURCE_EXHAUSTED,
    errors.SlowBody: Status.CANCELLED,
    errors.AnswerTooLarge: Status.RESOURCE_EXHAUSTED,
    errors.MethodNotFound: Status.NOT_FOUND,
    errors.CallerGone: Status.CANCELLED,
    errors.Busy: Status.RESOURCE_EXHAUSTED,
    errors.TimeLimitExceeded: Status.DEADLINE_EXCEEDED,
    errors.EventsNotShown: Status.FAILED_PRECONDITION,
    errors.IdempotencyKeyReused: Status.INVALID_ARGUMENT,
    errors.OutboxUnusable: Status.UNAVAILABLE,
    errors.EventNotRecorded: Status.UNAVAILABLE,
    errors.EventNotConfirmed: Status.UNAVAILABLE,
    errors.OutboxFull: Status.UNAVAILABLE,
    errors.OutboxUnavailable: Status.UNAVAILABLE,
    errors.StoreUnavailable: Status.UNAVAILABLE,
    errors.InputUnavailable: Status.UNAVAILABLE,
    errors.CannotListen: Status.UNAVAILABLE,
    errors.Stopping: Status.UNAVAILABLE,
}


class Refused(Fault):
    """A refusal with the status and the text of another server, which its clients may compare.

    Attributes:
        status: the status code.
    """

    def __init__(self, status: Status, text: str) -> None:
        self.status = status
        super().__init__(text)


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
        if isinstance(error, Refused):
            return error.status, shorten(str(error), LONGEST_REFUSAL)
        for base in type(error).__mro__:
            status = self._table.get(base)
            if status is not None:
                return status, shorten(str(error), LONGEST_MESSAGE)
        return Status.INTERNAL, INTERNAL_MESSAGE
