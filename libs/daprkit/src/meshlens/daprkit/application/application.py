"""Answers requests, whatever the transport.

A transport passes either an `Invocation`, for which the application finds the route, or a message
of its own, such as a gRPC service's, together with the endpoint that answers it. A route may be a
relay, which calls other routes: they are admitted and published, the relay is not.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType

from meshlens.daprkit.application.callers import OnCallerGone
from meshlens.daprkit.application.handling import Handling
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.invoking import Invoking
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import Lane, LaneRule
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.application.refusals import Refusal, Refusals
from meshlens.daprkit.application.routing import FailureBody, Route
from meshlens.daprkit.application.status import Statuses
from meshlens.daprkit.application.streams import Stream, Streams
from meshlens.daprkit.application.work import A, Q, Work
from meshlens.daprkit.errors import Busy
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.telemetry.call import CallProtocol
from meshlens.daprkit.telemetry.calls import Calls
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.request_log import RequestLog
from meshlens.daprkit.telemetry.traces import Spans


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
        log: has a line for some requests; None for none.
        spans: creates the spans of requests; None to create none.
        heeded: returns the names of headers, in lower case, that answers depend on besides those
            of their media types: with another value a request is another one.

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
        log: RequestLog | None = None,
        spans: Spans | None = None,
        heeded: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.time_limit = time_limit
        self._calls = Calls(metrics, log, spans)
        self._lanes = lanes
        self._refusals = Refusals(statuses, domain)
        self._handling = Handling(statuses, max_body, heeded)
        self._invoking = Invoking(
            routes,
            self._handling,
            lanes=lanes,
            calls=self._calls,
            statuses=statuses,
            refusals=self._refusals,
        )
        self.streams = Streams(lanes[Lane.WATCH].slots)

    def invoke(self, invocation: Invocation, *, on_caller_gone: OnCallerGone = _stays) -> Reply:
        """Answer a call of a method by its path.

        Raises:
            Exception: what `answer` raises, and InvalidRequest or MethodNotFound.
        """
        return self._invoking.invoke(invocation, self.time_limit, on_caller_gone)

    def find_failure(self, path: str) -> FailureBody | None:
        """Return how the errors of a path are written; None if it has no way of its own."""
        return self._invoking.find_failure(path)

    def answer(
        self,
        request: Q,
        endpoint: Callable[[Q], A],
        *,
        method: str,
        lane: Lane,
        protocol: CallProtocol = "grpc",
        on_caller_gone: OnCallerGone = _stays,
        cause: str = "",
        key: Key | None = None,
        model: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> A:
        """Answer a request of a transport's own type.

        Args:
            request: what came.
            endpoint: answers it.
            method: its name in event and metrics, one of a fixed set.
            lane: how it is treated.
            protocol: the way by which it came.
            on_caller_gone: given a function to call once the caller has gone away; returns
                False if that has happened already.
            cause: id of the event that is the request, if it came as one.
            key: by which the request is known when it is sent again; without one it is another.
            model: what it calls, as far as that is known before it is read.
            headers: of the call that carried it, names in lower case.

        Raises:
            NotAdministrator: the lane changes what is served, and the caller may not.
            Busy: the lane is full.
            BodyTooLarge: it has more bytes than the service accepts.
            TimeLimitExceeded: its time limit has passed.
            CallerGone: the caller no longer waits for the answer.
            EventNotRecorded: the outcome could not be published as promised.
            IdempotencyKeyReused: another request has come with its key.
            Exception: what the endpoint raises.
        """
        with self._calls.watch(protocol, request.caller, len(request.body)) as call:
            call.method = method
            flow = Flow.of(request.caller, model or method)
            work = Work(request, endpoint, method, {}, key, flow, headers, cause)
            return self._handling.handle(work, call, self._lanes[lane], on_caller_gone)

    @contextmanager
    def open_stream(self, cancel: Callable[[], object], method: str) -> Iterator[Stream]:
        """Hold a place for a stream, each message of which is to be a request.

        Args:
            cancel: ends it, from any thread.
            method: its name in metrics.

        Raises:
            Busy: every place is taken.
            Stopping: the service stops.
        """
        with ExitStack() as opening:
            try:
                stream = opening.enter_context(self.streams.open(cancel))
            except Busy as error:
                self._calls.refuse("stream", error, method)
                raise
            yield stream

    def count_refusal(self, protocol: CallProtocol, error: Exception) -> None:
        """Count a call that its transport has refused before it was a request.

        An error that a request has ended with is counted already.
        """
        if not self._calls.has_counted(error):
            self._calls.refuse(protocol, error)

    def refuse(self, error: Exception) -> Refusal:
        """Return what the caller of `error` gets, whatever carries it. What is a bug is logged."""
        return self._refusals.describe(error)
