"""The way of a call from OnInvoke to its reply.

dapr-ext-grpc's App knows exact method names only and drops verb, query and headers. This
interceptor takes OnInvoke over and leaves the App everything else: topics, bindings, health.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import grpc
from cloudevents.sdk.event import v1
from dapr.proto import common_v1
from google.protobuf import any_pb2
from meshlens.daprkit.admission import Admission, Places
from meshlens.daprkit.errors import BodyTooLarge, InvalidRequest, MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.parsing.media_types import parse_boundary, parse_media_type
from meshlens.daprkit.parsing.query import parse_query
from meshlens.daprkit.sidecar.events import Answered, Events, Failure, Success
from meshlens.daprkit.status import Statuses
from meshlens.daprkit.telemetry import Handler, Metrics
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

ON_INVOKE = "/dapr.proto.runtime.v1.AppCallback/OnInvoke"
# daprd marks the permanent HTTP headers with this prefix.
_FORWARDED = "dapr-"
_LONGEST_TIME_LIMIT = 3600.0
_UNSPECIFIED_VERB = "NONE"
# The App marks what came beside an event with this prefix.
_EVENT_METADATA = "_metadata_"


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
                f"expected one of the methods {self._known}, got {method!r};"
                " check the name after /method/"
            ) from None
        extension = message.http_extension
        verb = common_v1.HTTPExtension.Verb.Name(extension.verb)
        if verb not in (*route.verbs, _UNSPECIFIED_VERB):
            raise InvalidRequest(
                f"{route.path} expects {' or '.join(route.verbs)}, got {verb};"
                " call it with one of these"
            )
        query = parse_query("&".join(filter(None, (extension.querystring, query_behind))))
        request = Request(
            method=method,
            verb=verb,
            time_limit=self._time_limit_of(query.pop("timeout", None), context.time_remaining()),
            query=query,
            content_type=parse_media_type(message.content_type),
            boundary=parse_boundary(message.content_type),
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
                    f"timeout must be seconds above 0 and at most {_LONGEST_TIME_LIMIT:g},"
                    f" got {asked!r}; send for example timeout=2.5"
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
            content_type=parse_media_type(event.ContentType()),
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
