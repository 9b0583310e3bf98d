"""Late calls: those that arrive while the server is shutting down.

What reaches a gRPC server after its shutdown has begun, and before its clients know, is answered
CANCELLED by the library, and callers do not try CANCELLED again. So late calls are held first,
until the shutdown has begun: a caller whose call is held sends no other. They are answered
UNAVAILABLE on a connection that has just announced its end, so that the next try goes to another.
"""

import threading
from typing import Any, NoReturn

import grpc

from meshlens.daprkit.errors import Stopping
from meshlens.daprkit.transports.interceptor import Continuation, Handler, replace_behaviour

# Whether the process lives is asked to its end.
_NEVER_LATE = ("/grpc.health.v1.Health/", "/dapr.proto.runtime.v1.AppCallbackHealthCheck/")
# A call is released long before, unless the process is stopped half way.
_LONGEST_HOLD = 10.0


class LateCalls(grpc.ServerInterceptor):
    """Lets calls through until `hold`, and answers all later ones UNAVAILABLE after `release`.

    Attributes:
        held: calls that wait now.
    """

    def __init__(self) -> None:
        self._late = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self.held = 0

    def hold(self) -> None:
        """From now on let no call begin: each waits."""
        self._late.set()

    def release(self) -> None:
        """Answer what waits, and what is still to come, at once."""
        self._late.set()
        self._released.set()

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler, or one that waits and refuses."""
        if self._late.is_set() and not handler_call_details.method.startswith(_NEVER_LATE):
            return replace_behaviour(continuation(handler_call_details), self._refuse)
        return continuation(handler_call_details)

    def _refuse(self, _request: Any, _context: grpc.ServicerContext) -> NoReturn:  # noqa: ANN401 - any message
        with self._lock:
            self.held += 1
        try:
            self._released.wait(_LONGEST_HOLD)
        finally:
            with self._lock:
                self.held -= 1
        raise Stopping(
            "expected a service that takes calls",
            got="one that is shutting down",
            remedy="try again; a replica or its successor answers",
        )
