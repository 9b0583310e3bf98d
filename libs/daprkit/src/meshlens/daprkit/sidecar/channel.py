"""The app's own sidecar: one channel, made at start, usable before the sidecar is up.

The SDK's DaprClient waits for the sidecar's HTTP health when it is constructed, so an app that
starts first would hang; the generated stub connects when it is first used.
"""

from threading import Event, Thread

import grpc
import structlog
from dapr.proto import api_service_v1

from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.limits import MESSAGE_OVERHEAD, message_options
from meshlens.daprkit.sidecar.reach import listens

_RECONNECT_MS = 500
_LOOK_SECONDS = 0.2
_REMEDY = (
    "start the service beside a sidecar, as `dapr run` does; if that has another gRPC port, set"
    " DAPR_GRPC_PORT"
)

_log = structlog.get_logger(__name__)


class Sidecar:
    """Calls to the app's own sidecar.

    Attributes:
        address: host and port.
        stub: the Dapr API.
        metadata: to send with every call.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.address = f"127.0.0.1:{settings.dapr_grpc_port}"
        self._channel = grpc.insecure_channel(
            self.address,
            options=[
                *message_options(settings.max_body + MESSAGE_OVERHEAD),
                ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS),
                ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
            ],
        )
        self.stub = api_service_v1.DaprStub(self._channel)
        token = settings.dapr_api_token.get_secret_value()
        self._closed = Event()
        self.metadata: tuple[tuple[str, str], ...] = (("dapr-api-token", token),) if token else ()

    def watch_arrival(self, seconds: float) -> None:
        """Return at once; if no sidecar listens within `seconds`, one line of the log says so."""
        looks = max(1, round(seconds / _LOOK_SECONDS))

        def watch() -> None:
            for _ in range(looks):
                if listens(self.address) or self._closed.wait(_LOOK_SECONDS):
                    return
            _log.warning(
                "no sidecar answers",
                address=self.address,
                remedy=f"{_REMEDY}; without any, EVENTS=off",
            )

        Thread(target=watch, name="sidecar-arrival", daemon=True).start()

    def measure_up(self) -> float:
        """Return 1 while something listens at the sidecar's port, else 0; for metrics."""
        return float(listens(self.address))

    def describe(self, error: grpc.RpcError) -> str:
        """Return why a call to the sidecar failed, on one line."""
        got, _ = self.explain(error, remedy="")
        return got

    def explain(self, error: grpc.RpcError, *, remedy: str) -> tuple[str, str]:
        """Return why a call to the sidecar failed, on one line, and what to do.

        Args:
            error: of the call.
            remedy: what to do if there is a sidecar.
        """
        failed = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        if error.code() in failed and not listens(self.address):
            return f"no answer: there is no sidecar at {self.address}", _REMEDY
        return f"{error.code().name}: {error.details()}", remedy

    def close(self) -> None:
        """Close the channel."""
        self._closed.set()
        self._channel.close()
