"""Answers requests, whatever the transport.

A transport passes either an `Invocation`, for which the application finds the route, or a message
of its own, such as a gRPC service's, together with the endpoint that answers it. A route may be a
relay, which calls other routes: they are admitted and published, the relay is not.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.invocation import Invocation, read_request
from meshlens.daprkit.application.lanes import Lane, LaneRule, OnCallerGone
from meshlens.daprkit.application.refusals import Refusal, Refusals
from meshlens.daprkit.application.relaying import Methods, Relay
from meshlens.daprkit.application.routing import FailureBody, Route, Routes
from meshlens.daprkit.application.status import Statuses
from meshlens.daprkit.application.streams import Streams
from meshlens.daprkit.errors import BodyTooLarge, InvalidRequest
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.metrics import Call, Metrics


class Incoming(Protocol):
    """What the application reads of a request; `messages.Request` is one."""

    @property
    def body(self) -> bytes:
        """The bytes the caller sent; their size is limited, and their digest is in the event."""

    @property
    def time_limit(self) -> float:
        """Seconds that the caller waits."""


class Outgoing(Protocol):
    """What the application reads of an answer, for the event; `messages.Reply` is one."""

    @property
    def result(self) -> Mapping[str, Any] | None:
        """Facts of the result, JSON values only."""

    @property
    def model(self) -> str:
        """What answered; empty if the method has no model."""

    @property
    def version(self) -> str:
        """The version of the model."""


Q = TypeVar("Q", bound=Incoming)
A = TypeVar("A", bound=Outgoing)


def _stays(_: Callable[[], None]) -> bool:
    return True


class Application:
    """Brings requests through admission, endpoint and event.

    Args:
        routes: which function answers which path.
        lanes: what each lane means.
        statuses: maps a failure to the status code for event and metrics.
        metrics: counts calls.
        max_body: size of the largest body in bytes.
        time_limit: seconds for a request that sets no limit.
        domain: the name of the app, which failures give as their source.

    Attributes:
        time_limit: the same.
        streams: those that are open; each message of one is a request of its own.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        lanes: Mapping[Lane, LaneRule],
        statuses: Statuses,
        metrics: Metrics,
        max_body: int,
        time_limit: float,
        domain: str = "",
    ) -> None:
        self.time_limit = time_limit
        self._routes = Routes(routes)
        self._lanes = lanes
        self._statuses = statuses
        self._metrics = metrics
        self._max_body = max_body
        self._refusals = Refusals(statuses, domain)
        self.streams = Streams(lanes[Lane.WATCH].slots)

    def invoke(self, invocation: Invocation, *, on_caller_gone: OnCallerGone = _stays) -> Reply:
        """Answer a call of a method by its path.

        Raises:
            Exception: what `answer` raises, and InvalidRequest or MethodNotFound.
        """
        with self._metrics.call() as call:
            route, request = self._read(invocation, call, self.time_limit)
            if isinstance(route.endpoint, Relay):
                return self._relay(invocation, request, route.endpoint, call, on_caller_gone)
            return self._follow(route, request, call, on_caller_gone)

    def find_failure(self, path: str) -> FailureBody | None:
        """Return how the errors of a path are written; None if it has no way of its own."""
        return self._routes.find_failure(path)

    def answer(
        self,
        request: Q,
        endpoint: Callable[[Q], A],
        *,
        method: str,
        lane: Lane,
        on_caller_gone: OnCallerGone = _stays,
        cause: str = "",
    ) -> A:
        """Answer a request of a transport's own type.

        Args:
            request: what came.
            endpoint: answers it.
            method: its name in event and metrics, one of a fixed set.
            lane: how it is treated.
            on_caller_gone: given a function to call once the caller has gone away; returns
                False if that has happened already.
            cause: id of the event that is the request, if it came as one.

        Raises:
            Busy: the lane is full.
            BodyTooLarge: it has more bytes than the service accepts.
            TimeLimitExceeded: its time limit has passed.
            CallerGone: the caller no longer waits for the answer.
            EventNotConfirmed: the outcome could not be published as promised.
            Exception: what the endpoint raises.
        """
        with self._metrics.call() as call:
            call.method = method
            return self._answer(
                request, endpoint, call, self._lanes[lane], on_caller_gone, cause=cause
            )

    def refuse(self, error: Exception) -> Refusal:
        """Return what the caller of `error` gets, whatever carries it. What is a bug is logged."""
        return self._refusals.describe(error)

    def _answer(
        self,
        request: Q,
        endpoint: Callable[[Q], A],
        call: Call,
        lane: LaneRule,
        on_caller_gone: OnCallerGone,
        *,
        cause: str,
    ) -> A:
        def publish(outcome: Success | Failure) -> None:
            elapsed = time.perf_counter() - call.started
            lane.events.publish(Answered(call.method, request.body, outcome, elapsed, cause))

        with lane.slots.hold():
            try:
                self._check_size(request.body)
                answer = lane.runner.run(
                    partial(endpoint, request),
                    seconds=request.time_limit,
                    on_caller_gone=on_caller_gone,
                )
            except Exception as error:
                status, _ = self._statuses.describe(error)
                publish(Failure.of(status.name, error))
                raise
            publish(Success(answer.model, answer.version, answer.result))
            return answer

    def _read(self, invocation: Invocation, call: Call, time_limit: float) -> tuple[Route, Request]:
        route, parameters = self._routes.find(invocation.path, invocation.verb)
        call.method = route.path
        return route, read_request(invocation, parameters, time_limit=time_limit)

    def _follow(
        self, route: Route, request: Request, call: Call, on_caller_gone: OnCallerGone
    ) -> Reply:
        return self._answer(
            request, route.endpoint, call, self._lanes[route.lane], on_caller_gone, cause=""
        )

    def _relay(
        self,
        invocation: Invocation,
        request: Request,
        relay: Relay,
        call: Call,
        on_caller_gone: OnCallerGone,
    ) -> Reply:
        with ExitStack() as reading:
            reading.enter_context(self._lanes[Lane.RELAY].slots.hold())
            self._check_size(request.body)

            def invoke(inner: Invocation) -> Reply:
                # From here on the call holds the slot of its own lane, and no other.
                reading.close()
                elapsed = time.perf_counter() - call.started
                left = None if invocation.remaining is None else invocation.remaining - elapsed
                return self._invoke_within(
                    replace(inner, remaining=left),
                    max(0.0, request.time_limit - elapsed),
                    on_caller_gone,
                )

            methods = Methods(
                invoke,
                self._statuses.describe,
                self._routes.find,
                self._refusals.describe,
                self._max_body,
            )
            return relay.answer(request, methods)

    def _invoke_within(
        self, invocation: Invocation, time_limit: float, on_caller_gone: OnCallerGone
    ) -> Reply:
        with self._metrics.call() as call:
            route, request = self._read(invocation, call, time_limit)
            if isinstance(route.endpoint, Relay):
                raise InvalidRequest(
                    "a call within another must be of a method that holds no call itself",
                    got=route.path,
                    remedy="send what is inside it",
                )
            return self._follow(route, request, call, on_caller_gone)

    def _check_size(self, body: bytes) -> None:
        if len(body) > self._max_body:
            raise BodyTooLarge(len(body), self._max_body)
