"""A client pays for no server: what a fresh process has loaded after one import."""

import subprocess
import sys

import pytest

SERVER = {
    "cloudevents",
    "meshlens.daprkit.server",
    "prometheus_client",
    "pydantic",
    "structlog",
    "werkzeug",
}


def loaded_by(module: str) -> set[str]:
    program = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(result.stdout.decode().split())


@pytest.mark.slow
@pytest.mark.parametrize("module", ["meshlens.daprkit.client", "meshlens.daprkit.messages"])
def test_clients_and_messages_load_nothing_of_a_server(module: str) -> None:
    loaded = loaded_by(module)
    assert module in loaded
    assert not SERVER & loaded


def test_messages_load_no_grpc() -> None:
    assert not {"grpc", "google.protobuf", "opentelemetry"} & loaded_by("meshlens.daprkit.messages")


def test_a_service_without_an_http_port_loads_no_server_of_http() -> None:
    loaded = loaded_by("meshlens.daprkit.server")
    assert "meshlens.daprkit.transports.invoke" in loaded
    assert not {"uvicorn", "h11", "ssl", "asyncio.sslproto"} & loaded - loaded_by("grpc")
