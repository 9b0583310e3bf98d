"""Calls of methods by their paths: the route of each is found, and relays call others."""

import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from meshlens.daprkit.application.callers import OnCallerGone
from meshlens.daprkit.application.handling import Handling
from meshlens.daprkit.application.invocation import Invocation, read_request
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import Lane, LaneRule
from meshlens.daprkit.application.queueing.flows import Flow, name_model
from meshlens.daprkit.application.refusals import Refusals
from meshlens.daprkit.application.relaying import Methods, Relay
from meshlens.daprkit.application.routing import FailureBody, Route, Routes
from meshlens.daprkit.application.status import Statuses
from meshlens.daprkit.application.work import Work
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.call import Call, CallProtocol
from meshlens.daprkit.telemetry.calls import Calls


class Invoking:
    """Answers calls of methods by their paths.

    Args:
        routes: which function answers which path.
        handling: handles what a route or a relay calls.
        lanes: what each lane means.
        calls: watches them.
        statuses: maps a failure to its status, for relays.
        refusals: says what callers of an error get, for relays.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        handling: Handling,
        *,
        lanes: Mapping[Lane, LaneRule],
        calls: Calls,
        statuses: Statuses,
        refusals: Refusals,
    ) -> None:
        self._routes = Routes(routes)
        self._handling = handling
        self._lanes = lanes
        self._calls = calls
        self._statuses = statuses
        self._refusals = refusals

    def invoke(
        self, invocation: Invocation, time_limit: float, on_caller_gone: OnCallerGone
    ) -> Reply:
        """Answer a call within the seconds that it has if it says nothing else.

        Raises:
            Exception: what `Application.invoke` raises.
        """
        with self._watch(invocation, invocation.protocol) as call:
            route, request = self._read(invocation, call, time_limit)
            if isinstance(route.endpoint, Relay):
                return self._relay(invocation, request, route.endpoint, call, on_caller_gone)
            return self._follow(
                route,
                request,
                call,
                on_caller_gone,
                Key.read(request.headers, request.caller),
                request.headers,
            )

    def find_failure(self, path: str) -> FailureBody | None:
        """Return how the errors of a path are written; None if it has no way of its own."""
        return self._routes.find_failure(path)

    def _watch(self, invocation: Invocation, protocol: CallProtocol) -> Call:
        return self._calls.watch(protocol, invocation.caller, len(invocation.body))

    def _read(self, invocation: Invocation, call: Call, time_limit: float) -> tuple[Route, Request]:
        route, parameters = self._routes.find(invocation.path, invocation.verb)
        call.method = route.path
        return route, read_request(invocation, parameters, time_limit=time_limit)

    def _follow(
        self,
        route: Route,
        request: Request,
        call: Call,
        on_caller_gone: OnCallerGone,
        key: Key | None,
        headers: Mapping[str, str],
    ) -> Reply:
        options = {
            "accept": request.headers.get("accept", ""),
            "content-type": request.content_type,
            "verb": request.verb,
            **{f"?{name}": value for name, value in request.query.items()},
        }
        flow = Flow.of(request.caller, name_model(request, route.path))
        work = Work(request, route.endpoint, request.method, options, key, flow, headers)
        return self._handling.handle(
            work, call, self._lanes[route.lane_of(request.verb)], on_caller_gone
        )

    def _relay(
        self,
        invocation: Invocation,
        request: Request,
        relay: Relay,
        call: Call,
        on_caller_gone: OnCallerGone,
    ) -> Reply:
        key = Key.read(request.headers, request.caller)
        places = itertools.count(1)
        with ExitStack() as reading:
            reading.enter_context(self._lanes[Lane.RELAY].slots.hold())
            self._handling.check_size(request.body)

            def invoke(inner: Invocation) -> Reply:
                # From here on the call holds the slot of its own lane, and no other.
                reading.close()
                elapsed = time.perf_counter() - call.started
                left = None if invocation.remaining is None else invocation.remaining - elapsed
                return self._invoke_within(
                    replace(inner, remaining=left, caller=invocation.caller),
                    relay.protocol,
                    max(0.0, request.time_limit - elapsed),
                    on_caller_gone,
                    key and key.number(next(places)),
                    request.headers,
                )

            methods = Methods(
                invoke,
                self._statuses.describe,
                self._routes.find,
                self._refusals.describe,
                self._handling.max_body,
            )
            reply = relay.answer(request, methods)
            call.answer_size = reply.size
            return reply

    def _invoke_within(
        self,
        invocation: Invocation,
        protocol: CallProtocol,
        time_limit: float,
        on_caller_gone: OnCallerGone,
        outer: Key | None,
        outside: Mapping[str, str],
    ) -> Reply:
        with self._watch(invocation, protocol) as call:
            route, request = self._read(invocation, call, time_limit)
            if isinstance(route.endpoint, Relay):
                raise InvalidRequest(
                    "a call within another must be of a method that holds no call itself",
                    got=route.path,
                    remedy="send what is inside it",
                )
            own = Key.read(request.headers, request.caller)
            headers = {**outside, **request.headers}
            return self._follow(route, request, call, on_caller_gone, own or outer, headers)
