"""The app's own sidecar: one channel, made at start, usable before the sidecar is up.

The SDK's DaprClient waits for the sidecar's HTTP health when it is constructed, so an app that
starts first would hang; the generated stub connects when it is first used.
"""

import grpc
from dapr.proto import api_service_v1

from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.limits import MESSAGE_OVERHEAD, message_options

_RECONNECT_MS = 500


class Sidecar:
    """Calls to the app's own sidecar.

    Attributes:
        stub: the Dapr API.
        metadata: to send with every call.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{settings.dapr_grpc_port}",
            options=[
                *message_options(settings.max_body + MESSAGE_OVERHEAD),
                ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS),
                ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
            ],
        )
        self.stub = api_service_v1.DaprStub(self._channel)
        token = settings.dapr_api_token.get_secret_value()
        self.metadata: tuple[tuple[str, str], ...] = (("dapr-api-token", token),) if token else ()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
