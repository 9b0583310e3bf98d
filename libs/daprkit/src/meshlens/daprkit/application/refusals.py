"""Exceptions -> what callers get instead of an answer, whatever carries it."""

import json
from dataclasses import dataclass

import structlog
from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2

from meshlens.daprkit.application.status import HTTP, Status, Statuses
from meshlens.daprkit.errors import Busy, TooManyBytes
from meshlens.daprkit.parsing.details import encode_details
from meshlens.faults import Fault

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a caller gets instead of an answer.

    Attributes:
        status: the status code.
        message: for people.
        details: bytes of a google.rpc.Status, for programs; empty of a bug.
    """

    status: Status
    message: str
    details: bytes

    @property
    def http(self) -> int:
        """The HTTP status that a sidecar makes of the code."""
        return HTTP[self.status]

    def encode_json(self) -> bytes:
        """Return the JSON that a sidecar answers to HTTP callers."""
        status = status_pb2.Status.FromString(self.details)
        status.code, status.message = self.status.value[0], self.message
        return json.dumps(MessageToDict(status), ensure_ascii=False, separators=(",", ":")).encode()


class Refusals:
    """Describes exceptions to callers, and logs those that are bugs.

    Args:
        statuses: maps an exception to its code and message.
        domain: the name of the app, which the details give as their source.
    """

    def __init__(self, statuses: Statuses, domain: str) -> None:
        self._statuses = statuses
        self._domain = domain

    def describe(self, error: Exception) -> Refusal:
        """Return what the caller of `error` gets."""
        status, message = self._statuses.describe(error)
        if status is Status.INTERNAL:
            _log.error("unexpected error", exc_info=error)
        if status is Status.INTERNAL or not isinstance(error, Fault):
            return Refusal(status, message, b"")
        details = encode_details(
            error,
            code=status.value[0],
            message=message,
            domain=self._domain,
            retry_after=error.retry_after if isinstance(error, Busy | TooManyBytes) else None,
        )
        return Refusal(status, message, details)
