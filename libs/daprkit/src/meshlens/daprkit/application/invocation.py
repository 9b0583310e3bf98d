"""Invocations: calls of methods by path, as OnInvoke and HTTP carry them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Request
from meshlens.daprkit.parsing.media_types import parse_boundary, parse_charset, parse_media_type
from meshlens.daprkit.parsing.query import parse_query
from meshlens.daprkit.telemetry.call import CallProtocol

LONGEST_TIME_LIMIT = 3600.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a method as received, not yet parsed.

    Attributes:
        path: the method, without a leading slash.
        verb: the HTTP verb; NONE where the caller gave none.
        query: the query string.
        content_type: the header of that name, as sent.
        body: the bytes that were sent.
        headers: the other headers, names in lower case.
        remaining: seconds until the call's deadline; None without one.
        caller: the app id of who calls; empty if no sidecar has said it.
        protocol: the way by which it came, for metrics.
    """

    path: str
    verb: str
    query: str
    content_type: str
    body: bytes
    headers: Mapping[str, str]
    remaining: float | None = None
    caller: str = ""
    protocol: CallProtocol = "invoke"


def read_request(call: Invocation, parameters: Mapping[str, str], *, time_limit: float) -> Request:
    """Return an invocation as a request.

    Args:
        call: the invocation.
        parameters: the values matched by the route's path template.
        time_limit: seconds for a request that sets no limit.

    Raises:
        InvalidRequest: query or time limit cannot be read.
    """
    query = parse_query(call.query)
    return Request(
        method=call.path,
        verb=call.verb,
        time_limit=_limit_time(query.pop("timeout", None), call.remaining, time_limit),
        query=query,
        content_type=parse_media_type(call.content_type),
        boundary=parse_boundary(call.content_type),
        charset=parse_charset(call.content_type),
        body=call.body,
        headers=call.headers,
        parameters=parameters,
        caller=call.caller,
    )


def _limit_time(wanted: str | None, remaining: float | None, default: float) -> float:
    """Return the seconds a request may take: its own limit, capped by the call's deadline."""
    limit = default
    if wanted is not None:
        try:
            limit = float(wanted)
        except ValueError:
            limit = math.nan
        if not 0 < limit <= LONGEST_TIME_LIMIT:
            raise InvalidRequest(
                f"timeout must be seconds above 0 and at most {LONGEST_TIME_LIMIT:g}",
                got=repr(wanted),
                remedy="send for example timeout=2.5",
                option="timeout",
            )
    return limit if remaining is None else min(limit, remaining)
