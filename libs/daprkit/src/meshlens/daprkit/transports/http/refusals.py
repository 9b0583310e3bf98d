"""Exceptions -> answers of HTTP."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.protobuf import json_format
from google.rpc import status_pb2

from meshlens.daprkit import errors
from meshlens.daprkit.application.routing import FailureBody
from meshlens.daprkit.application.status import HTTP, Status, Statuses
from meshlens.daprkit.parsing.details import encode_details
from meshlens.faults import Fault

# What HTTP has a status of its own for.
_OWN: Mapping[type[Exception], int] = {
    errors.BodyTooLarge: 413,
    errors.HeadTooLarge: 431,
    errors.SlowBody: 408,
    errors.WrongVerb: 405,
}
_JSON = "application/json"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent.

    Attributes:
        status: of HTTP.
        body: its bytes.
        content_type: their media type.
        headers: the others.
    """

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse(
    error: Exception, statuses: Statuses, *, domain: str, failure: FailureBody | None
) -> Answer:
    """Return the answer to a request that ended with this error.

    Args:
        error: what was raised.
        statuses: maps it to its code and message.
        domain: the name of the app, which the details give as their source.
        failure: the route's own JSON of errors.
    """
    status, text = statuses.describe(error)
    if status is Status.INTERNAL:
        _log.error("unexpected error", exc_info=error)
    if failure:
        body = failure(status, text)
    elif isinstance(error, Fault) and status is not Status.INTERNAL:
        body = _encode_fault(error, status, text, domain)
    else:
        body = encode_status(status, text)
    return Answer(_OWN.get(type(error), HTTP[status]), body, _JSON, _list_headers(error))


def encode_status(status: Status, text: str) -> bytes:
    """Return a google.rpc.Status without details as JSON."""
    return _encode({"code": status.value[0], "message": text})


def _encode_fault(fault: Fault, status: Status, text: str, domain: str) -> bytes:
    packed = encode_details(
        fault,
        code=status.value[0],
        message=text,
        domain=domain,
        retry_after=fault.retry_after if isinstance(fault, errors.Busy) else None,
    )
    return _encode(json_format.MessageToDict(status_pb2.Status.FromString(packed)))


def _encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _list_headers(error: Exception) -> Mapping[str, str]:
    match error:
        case errors.Busy():
            return {"retry-after": str(max(1, math.ceil(error.retry_after)))}
        case errors.TooManyBytes() | errors.Stopping():
            return {"retry-after": "1"}
        case errors.WrongVerb():
            return {"allow": ", ".join(error.allowed)}
        case errors.WrongToken():
            return {"www-authenticate": "Bearer"}
        case errors.SlowBody():
            return {"connection": "close"}
        case _:
            return {}
