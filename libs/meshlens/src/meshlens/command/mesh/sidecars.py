"""Sidecars on this host: where one listens, and what it knows of the apps."""

import re
import urllib.request
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = "SERVING"
# By default daprd listens on every address at these two ports, whatever its API listens on, and
# the one between sidecars takes calls without a token.
LOOPBACK_FLAGS = (
    *("--dapr-internal-grpc-listen-address", "127.0.0.1"),
    *("--metrics-listen-address", "127.0.0.1"),
)

_ASKED = re.compile(
    rb'^dapr_grpc_io_client_completed_rpcs\{.*AppCallback/ListTopicSubscriptions".*"OK"\} [1-9]',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Where the sidecar of an app listens."""

    app: str
    http: int
    grpc: int
    metrics: int

    def url(self, app: str, method: str) -> str:
        """The address of a method of any app in the mesh, through this sidecar."""
        return f"http://127.0.0.1:{self.http}/v1.0/invoke/{app}/method/{method}"

    def has_found_its_app(self) -> bool:
        """Whether it has found its app healthy, because until then it refuses calls.

        It does not say so, but then asks the app for its subscriptions, and counts the answers.
        """
        address = f"http://127.0.0.1:{self.metrics}/metrics"
        with urllib.request.urlopen(address, timeout=1) as metrics:
            return bool(_ASKED.search(metrics.read()))


def health_through(port: int, app: str, api_token: str = "") -> str:
    """Return the status that an app's health check answers through a sidecar, or why it does not.

    Args:
        port: the sidecar's gRPC port.
        app: the app's name in the mesh.
        api_token: the dapr-api-token that the sidecar expects, if any.
    """
    token = (("dapr-api-token", api_token),) if api_token else ()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(),
                metadata=(("dapr-app-id", app), *token),
                timeout=2,
            )
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    status: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return status
