"""Requests and replies of invoked methods, and the way from one to the other.

dapr-ext-grpc's App knows exact method names only and drops verb, query and headers. This
interceptor takes OnInvoke over and leaves the App everything else: topics, bindings, health.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, cast
from urllib.parse import parse_qsl

import grpc
from cloudevents.sdk.event import v1
from dapr.proto import common_v1
from google.protobuf import any_pb2
from meshlens.daprkit.admission import Admission, Places
from meshlens.daprkit.errors import BodyTooLarge, InvalidRequest, MethodNotFound
from meshlens.daprkit.multipart import File, decode_files
from meshlens.daprkit.sidecar.events import Answered, Events, Failure, Success
from meshlens.daprkit.status import Statuses
from meshlens.daprkit.telemetry import Handler, Metrics
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotFound
from werkzeug.http import parse_accept_header, parse_options_header
from werkzeug.routing import Map, Rule

ON_INVOKE = "/dapr.proto.runtime.v1.AppCallback/OnInvoke"
# daprd marks the permanent HTTP headers with this prefix.
_FORWARDED = "dapr-"
_MOST_QUERY_FIELDS = 64
_LONGEST_TIME_LIMIT = 3600.0
_UNSPECIFIED_VERB = "NONE"
# The App marks what came beside an event with this prefix.
_EVENT_METADATA = "_metadata_"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a method.

    Attributes:
        method: the path, without a leading slash.
        verb: the HTTP verb; NONE where the caller did not say one.
        query: the options, each name once.
        content_type: media type in lower case, without parameters; empty if not said.
        body: the bytes that were sent.
        headers: metadata of the call, names in lower case.
        parameters: what the path template of the route has matched.
        time_limit: seconds that the caller waits.
        boundary: what stands between the parts of a body of several.
    """

    method: str
    verb: str
    query: Mapping[str, str]
    content_type: str
    body: bytes
    headers: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    time_limit: float = math.inf
    boundary: str = ""

    def files(self, most: int) -> tuple[File, ...]:
        """Return the files of a body of type multipart/form-data.

        Raises:
            InvalidRequest: it is no form of 1 to `most` files.
        """
        return decode_files(self.body, self.boundary, most=most)

    def preferred(self, offers: Sequence[str]) -> str:
        """Return the media type of `offers` that Accept likes best, the first if it says none."""
        return _preferred(self.headers.get("accept", ""), tuple(offers))


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        body: the bytes to send.
        content_type: their media type.
        headers: become HTTP response headers.
        result: facts for the result event, JSON values only; never the input.
        model: what answered, for the result event.
        version: the version of `model`.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Which function answers a path.

    Attributes:
        path: a template such as `models/<name>`; `<path:rest>` matches slashes too.
        endpoint: answers a request, or raises what the status table lists.
        verbs: HTTP verbs it takes; a caller that says none is served.
        works: whether it computes: then it waits its turn for a worker, is refused when too
            many wait, and its outcome is published as an event.
    """

    path: str
    endpoint: Callable[[Request], Reply]
    verbs: tuple[str, ...] = ("POST", "PUT")
    works: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which function answers the events of a topic; its result is an event again.

    Attributes:
        topic: name of the topic.
        endpoint: answers a request whose body is the event's data, or raises what the status
            table lists. The sidecar delivers again what is UNAVAILABLE or RESOURCE_EXHAUSTED, as
            the resiliency policy says; any other failure goes to `dead_letter` once.
        options: names in the event's metadata that become the query of the request.
        dead_letter: topic of the events that cannot be answered.
    """

    topic: str
    endpoint: Callable[[Request], Reply]
    options: tuple[str, ...]
    dead_letter: str


class Router:
    """Finds the route of a call and brings it through admission, endpoint and event.

    Args:
        routes: what the service answers.
        statuses: names the outcome of a failure for the event and the metrics.
        admission: where working routes wait their turn.
        light: places of the routes that do not work.
        events: publishes outcomes.
        metrics: counts calls.
        max_body: largest body in bytes.
        time_limit: seconds for a request that does not say how long it may take.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        statuses: Statuses,
        admission: Admission,
        light: Places,
        events: Events,
        metrics: Metrics,
        max_body: int,
        time_limit: float,
    ) -> None:
        rules = Map(
            [Rule(f"/{route.path}", endpoint=route) for route in routes], strict_slashes=False
        )
        self._urls = rules.bind("")
        self._known = ", ".join(sorted(route.path for route in routes))
        self._statuses = statuses
        self._admission = admission
        self._light = light
        self._events = events
        self._metrics = metrics
        self._max_body = max_body
        self._time_limit = time_limit

    def on_invoke(
        self, message: common_v1.InvokeRequest, context: grpc.ServicerContext
    ) -> common_v1.InvokeResponse:
        """Answer one OnInvoke call."""
        started = time.perf_counter()
        with self._metrics.call() as call:
            try:
                route, request = self._resolve(message, context)
                call.method = route.path
                if route.works:
                    reply = self._work(
                        route.path,
                        route.endpoint,
                        request,
                        started,
                        on_caller_gone=context.add_callback,
                    )
                else:
                    with self._light.hold():
                        reply = route.endpoint(request)
            except Exception as error:
                call.code = self._statuses.describe(error)[0].name
                raise
        if reply.headers:
            context.send_initial_metadata(tuple(reply.headers.items()))
        return common_v1.InvokeResponse(
            data=any_pb2.Any(value=reply.body), content_type=reply.content_type
        )

    def _resolve(
        self, message: common_v1.InvokeRequest, context: grpc.ServicerContext
    ) -> tuple[Route, Request]:
        """Find the route and read the request, before anything is queued."""
        # Callers over gRPC may write the query behind the method, as in a URL.
        method, _, query_behind = message.method.partition("?")
        try:
            route, parameters = self._urls.match(f"/{method}")
        except NotFound:
            raise MethodNotFound(
                f"the method must be one of {self._known}",
                got=repr(method),
                remedy="check the name after /method/",
            ) from None
        extension = message.http_extension
        verb = common_v1.HTTPExtension.Verb.Name(extension.verb)
        if verb not in (*route.verbs, _UNSPECIFIED_VERB):
            raise InvalidRequest(
                f"{route.path} expects {' or '.join(route.verbs)}",
                got=verb,
                remedy="call it with one of these",
            )
        query = _parse_query("&".join(filter(None, (extension.querystring, query_behind))))
        request = Request(
            method=method,
            verb=verb,
            time_limit=self._time_limit_of(query.pop("timeout", None), context.time_remaining()),
            query=query,
            content_type=_parse_media_type(message.content_type),
            boundary=_parse_boundary(message.content_type),
            body=message.data.value,
            headers={
                key.removeprefix(_FORWARDED): value
                for key, value in context.invocation_metadata()
                if isinstance(value, str)
            },
            parameters=parameters,
        )
        return route, request

    def _time_limit_of(self, asked: str | None, remaining: float | None) -> float:
        """Return the seconds a request may take: what it asks for, within its gRPC deadline."""
        limit = self._time_limit
        if asked is not None:
            try:
                limit = float(asked)
            except ValueError:
                limit = math.nan
            if not 0 < limit <= _LONGEST_TIME_LIMIT:
                raise InvalidRequest(
                    f"timeout must be seconds above 0 and at most {_LONGEST_TIME_LIMIT:g}",
                    got=repr(asked),
                    remedy="send for example timeout=2.5",
                    option="timeout",
                )
        return limit if remaining is None else min(limit, remaining)

    def on_event(self, subscription: Subscription, event: v1.Event) -> None:
        """Answer one event of a topic."""
        started = time.perf_counter()
        with self._metrics.call() as call:
            call.method = subscription.topic
            try:
                self._work(
                    subscription.topic,
                    subscription.endpoint,
                    self._read_event(subscription, event),
                    started,
                    cause=event.EventID(),
                )
            except Exception as error:
                call.code = self._statuses.describe(error)[0].name
                raise

    def _read_event(self, subscription: Subscription, event: v1.Event) -> Request:
        extensions = event.Extensions()
        query = {
            name: str(extensions[f"{_EVENT_METADATA}{name}"])
            for name in subscription.options
            if f"{_EVENT_METADATA}{name}" in extensions
        }
        return Request(
            method=subscription.topic,
            verb=_UNSPECIFIED_VERB,
            query=query,
            content_type=_parse_media_type(event.ContentType()),
            body=cast("bytes", event.Data()),
            headers={},
            time_limit=self._time_limit,
        )

    def _work(
        self,
        name: str,
        endpoint: Callable[[Request], Reply],
        request: Request,
        started: float,
        *,
        on_caller_gone: Callable[[Callable[[], None]], bool] = lambda _: True,
        cause: str = "",
    ) -> Reply:
        """Let a request in, work on it in its turn, and publish what came of it."""
        publish = partial(self._publish, name, request.body, started, cause)
        with self._admission.places.hold():
            try:
                self._check_size(request.body)
                reply = self._admission.run(
                    partial(endpoint, request),
                    seconds=request.time_limit,
                    on_caller_gone=on_caller_gone,
                )
            except Exception as error:
                status, text = self._statuses.describe(error)
                publish(Failure(status.name, text))
                raise
            publish(Success(reply.model, reply.version, reply.result))
            return reply

    def _publish(
        self, name: str, body: bytes, started: float, cause: str, outcome: Success | Failure
    ) -> None:
        elapsed = time.perf_counter() - started
        self._events.publish(Answered(name, body, outcome, elapsed, cause))

    def _check_size(self, body: bytes) -> None:
        if len(body) > self._max_body:
            raise BodyTooLarge(len(body), self._max_body)


class RoutingInterceptor(grpc.ServerInterceptor):
    """Sends OnInvoke to a router instead of the App's own table of names."""

    def __init__(self, router: Router) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(
            router.on_invoke,
            request_deserializer=common_v1.InvokeRequest.FromString,
            response_serializer=common_v1.InvokeResponse.SerializeToString,
        )

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the router's handler for OnInvoke, the App's for everything else."""
        if handler_call_details.method == ON_INVOKE:
            return self._handler
        return continuation(handler_call_details)


def _parse_query(raw: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS
        )
    except ValueError as error:
        raise InvalidRequest(
            f"query string must be at most {_MOST_QUERY_FIELDS} UTF-8 fields name=value",
            got=f"{raw[:80]!r} ({error})",
            remedy="percent-encode names and values",
        ) from None
    query = dict(pairs)
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(
            "each option may be given once",
            got=f"{twice!r} more than once",
            remedy="keep one of them",
            option=twice,
        )
    return query


@lru_cache(maxsize=256)
def _parse_media_type(content_type: str) -> str:
    return parse_options_header(content_type)[0].lower()


def _parse_boundary(content_type: str) -> str:
    if "boundary" not in content_type:
        return ""
    return parse_options_header(content_type)[1].get("boundary", "")


@lru_cache(maxsize=256)
def _preferred(accept: str, offers: tuple[str, ...]) -> str:
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.best_match(offers, default=offers[0]) or offers[0]
