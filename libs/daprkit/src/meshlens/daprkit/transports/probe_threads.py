"""Threads of their own for health checks, which wait for no other call."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from meshlens.daprkit.transports.bodies.readers import Readers
from meshlens.daprkit.transports.interceptor import Continuation, Handler, replace_behaviour

# Twice as many as are read or wait to be read for one caller, so that some are always free; and a
# caller's checks that come together are answered, however long the process stood still.
_THREADS = 32

_PROBES = frozenset(
    {
        "/grpc.health.v1.Health/Check",
        "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck",
    }
)


def is_probe(method: str) -> bool:
    """Return whether a method says whether the service lives."""
    return method in _PROBES


def make_probe_readers() -> Readers:
    """Return what lets probes arrive, whose few bytes come at once."""
    return Readers(_THREADS // 2, _THREADS // 2, patience=0.25)


class ProbeThreads(grpc.ServerInterceptor):
    """Answers health checks in threads of their own; the first of the interceptors."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="probe")

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler of a call, and of a health check one that is run elsewhere."""
        handler = continuation(handler_call_details)
        if handler is None or not is_probe(handler_call_details.method):
            return handler
        behaviour: Any = handler.stream_unary or handler.unary_unary

        def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            return behaviour(request, context)

        # The library looks for this at what it calls, not at what that wraps.
        answer.experimental_thread_pool = self._pool  # type: ignore[attr-defined] # see above
        return replace_behaviour(
            handler, answer, handler.request_deserializer, handler.response_serializer
        )

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False)
