"""grpc.health.v1: what can be called, as the service says at the moment of the check."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2

# Under this name is shown whether the process lives, whatever the state of its models; model names
# contain no slash.
LIVE = "/live"

# Returns whether each model can be called, and under the empty name whether the service can.
Readiness: TypeAlias = Callable[[], Mapping[str, bool]]

_States = health_pb2.HealthCheckResponse


class Health(health.HealthServicer):  # type: ignore[misc] # it ships no types
    """Answers checks from the service's own state, and passes its changes on to watchers.

    Args:
        read: returns the service's state.
    """

    def __init__(self, read: Readiness) -> None:
        super().__init__()
        self._read = read
        self._leaving = False
        self._told: dict[str, int] = {}
        self._telling = threading.Lock()
        self.refresh()

    def find(self, name: str) -> bool | None:
        """Return whether a name can be called now; None if nothing has that name."""
        return self._find_all().get(name)

    def leave(self) -> None:
        """Say from now on that nothing should be called any more, though the process lives."""
        self._leaving = True
        self.refresh()

    def refresh(self) -> None:
        """Tell watchers what has changed; to be called after each change."""
        # One at a time, so that no older state is told after a newer one.
        with self._telling:
            states = {name: _name_state(serves) for name, serves in self._find_all().items()}
            for name in {*states, *self._told}:
                state = states.get(name, _States.SERVICE_UNKNOWN)
                if state != self._told.get(name):
                    self._told[name] = state
                    self.set(name, state)

    def Check(  # noqa: N802 - the protocol's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Answer whether a name can be called, NOT_FOUND if nothing has it."""
        serves = self.find(request.service)
        if serves is None:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            return _States()
        return _States(status=_name_state(serves))

    def _find_all(self) -> Mapping[str, bool]:
        serves = {name: serves and not self._leaving for name, serves in self._read().items()}
        return {**serves, LIVE: True}


def _name_state(serves: bool) -> int:  # noqa: FBT001 - the only argument
    return int(_States.SERVING if serves else _States.NOT_SERVING)
