"""Exceptions -> answers of HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from meshlens.daprkit import errors
from meshlens.daprkit.application.refusals import Refusal
from meshlens.daprkit.application.routing import FailureBody

# What HTTP has a status of its own for.
_OWN: Mapping[type[Exception], int] = {
    errors.BodyTooLarge: 413,
    errors.HeadTooLarge: 431,
    errors.SlowBody: 408,
    errors.WrongVerb: 405,
}
_JSON = "application/json"


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


def refuse(error: Exception, refusal: Refusal, failure: FailureBody | None) -> Answer:
    """Return the answer to a request that ended with this error.

    Args:
        error: what was raised.
        refusal: what its caller gets.
        failure: the route's own JSON of errors.
    """
    body = failure(refusal.status, refusal.message) if failure else refusal.encode_json()
    return Answer(_OWN.get(type(error), refusal.http), body, _JSON, _list_headers(error))


def _list_headers(error: Exception) -> Mapping[str, str]:
    match error:
        case errors.Busy() | errors.TooManyBytes():
            return {"retry-after": str(max(1, math.ceil(error.retry_after)))}
        case errors.Stopping():
            return {"retry-after": "1"}
        case errors.WrongVerb():
            return {"allow": ", ".join(error.allowed)}
        case errors.WrongToken():
            return {"www-authenticate": "Bearer"}
        case errors.SlowBody():
            return {"connection": "close"}
        case _:
            return {}
