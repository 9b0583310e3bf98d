"""What the platform sees of each service as a process, without a sidecar."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from collector import collecting
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import context, propagate
from processes import free_ports

from meshlens.daprkit.client import CallError, Client
from meshlens.protocols.wire import inference_pb2

PATIENCE = 30
SEVEN = Path(__file__).resolve().parents[2] / "services/classify/samples/digit-7.png"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

pytestmark = pytest.mark.parametrize("service", ["pca", "classify"])


def start(service: str, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"meshlens.{service}"],
        env=os.environ | {"EVENTS": "off", "MODELS": ""} | changes,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(service: str, **changes: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a service, once it has loaded what it answers with."""
    port = next(free_ports())
    process = start(service, APP_PORT=str(port), **changes)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            for answer in health.Watch(
                health_pb2.HealthCheckRequest(), timeout=PATIENCE, wait_for_ready=True
            ):
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    break
        yield process, port
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, told = process.communicate(timeout=PATIENCE)
    return process.returncode, told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero(service: str, number: signal.Signals) -> None:
    with running(service) as (process, _):
        process.send_signal(number)
        code, told = end(process)
    assert code == 0
    assert json.loads(told.splitlines()[-1])["event"] == "stopped"


def test_a_signal_that_another_thread_gets_ends_it_too(service: str) -> None:
    with running(service) as (process, _):
        threads = {int(entry.name) for entry in Path(f"/proc/{process.pid}/task").iterdir()}
        other = max(threads - {process.pid})
        assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
        code, _ = end(process)
    assert code == 0


def test_it_serves_while_it_drains_and_says_that_it_leaves(service: str) -> None:
    with running(service, DRAIN_SECONDS="600") as (process, port):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            states = health_pb2_grpc.HealthStub(channel).Watch(
                health_pb2.HealthCheckRequest(), timeout=PATIENCE
            )
            serving = health_pb2.HealthCheckResponse.SERVING
            assert serving in (state.status for state in states)
            is_ready = channel.unary_unary(
                "/inference.GRPCInferenceService/ServerReady",
                inference_pb2.ServerReadyRequest.SerializeToString,
                inference_pb2.ServerReadyResponse.FromString,
            )
            request = inference_pb2.ServerReadyRequest()
            assert is_ready(request, timeout=PATIENCE).ready
            process.terminate()
            assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert not is_ready(request, timeout=PATIENCE).ready
            with Client(f"127.0.0.1:{port}") as client:
                with pytest.raises(CallError) as fault:
                    client.invoke(service, "no-such-method", timeout=PATIENCE)
                assert fault.value.code == "NOT_FOUND"
        assert process.poll() is None
        process.terminate()
        code, _ = end(process)
    assert code == 0


def test_mistaken_settings_are_all_named(service: str) -> None:
    process = start(service, APP_PORT="none", MAX_BODY="much")
    code, told = end(process)
    assert code == 2
    assert "APP_PORT='none'" in told
    assert "MAX_BODY='much'" in told
    assert "Traceback" not in told


def test_a_mistake_in_the_settings_shows_no_token(service: str) -> None:
    tokens = {"APP_API_TOKEN": "swordfish-42", "DAPR_API_TOKEN": "swordfish-43"}
    mistakes = {"APP_PORT": "none", "MODEL_VERSIONS": "bogus@@", "MODEL_LABELS": "bogus=="}
    code, told = end(start(service, **tokens, **mistakes))
    assert code == 2
    assert "APP_PORT='none'" in told
    if service == "classify":
        assert "MODEL_VERSIONS='bogus@@'" in told
        assert "MODEL_LABELS='bogus=='" in told
    assert "swordfish" not in told


def test_the_log_shows_no_token(service: str) -> None:
    tokens = {"APP_API_TOKEN": "swordfish-42", "DAPR_API_TOKEN": "swordfish-43"}
    with running(service, LOG_LEVEL="DEBUG", **tokens) as (process, port):
        with Client(f"127.0.0.1:{port}", api_token="swordfish-42") as client:
            with pytest.raises(CallError) as fault:
                client.invoke(service, "no-such-method", timeout=PATIENCE)
            assert fault.value.code == "NOT_FOUND"
        process.terminate()
        _, told = end(process)
    assert "serving" in told
    assert "swordfish" not in told


def test_a_protocol_of_traces_that_it_does_not_speak_is_refused(service: str) -> None:
    code, told = end(start(service, APP_PORT="0", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    assert code == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL='http/protobuf'" in told
    assert "grpc only" in told


def test_a_taken_port_is_named(service: str) -> None:
    with running(service) as (_, port):
        code, told = end(start(service, APP_PORT=str(port)))
    assert code == 1
    assert f"127.0.0.1:{port}" in told.splitlines()[-1]
    assert "Traceback" not in told


def test_every_line_it_logs_is_json_with_its_name(service: str) -> None:
    with running(service) as (process, _):
        process.terminate()
        _, told = end(process)
    assert {json.loads(line)["service"] for line in told.splitlines()} == {service}


def test_prometheus_reads_calls_by_method_and_code(service: str) -> None:
    metrics = next(free_ports())
    with (
        running(service, METRICS_PORT=str(metrics)) as (_, port),
        Client(f"127.0.0.1:{port}") as client,
    ):
        with pytest.raises(CallError):
            client.invoke(service, "no-such-method", timeout=PATIENCE)
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    labels = 'code="NOT_FOUND",method="unknown",model="",protocol="invoke",version=""'
    assert f"meshlens_calls_total{{{labels}}} 1.0" in lines
    assert f"meshlens_call_seconds_count{{{labels}}} 1.0" in lines
    assert "meshlens_admitted 0.0" in lines


@pytest.mark.parametrize("name", ["", "mine"])
def test_spans_of_the_callers_trace_reach_the_collector(service: str, name: str) -> None:
    token = context.attach(propagate.extract({"traceparent": f"00-{TRACE}-{PARENT}-01"}))
    try:
        with collecting() as collector:
            told = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}",
                "OTEL_SERVICE_NAME": name,
            }
            with running(service, **told) as (process, port), Client(f"127.0.0.1:{port}") as client:
                with pytest.raises(CallError):
                    client.invoke(service, "no-such-method", timeout=PATIENCE)
                process.terminate()
                # Which exports the last spans.
                assert end(process)[0] == 0
            (span,) = collector.of()
    finally:
        context.detach(token)
    assert (span.trace, span.parent, span.service) == (TRACE, PARENT, name or service)
    assert span.name.endswith("AppCallback/OnInvoke")
    assert span.attributes["meshlens.code"] == "NOT_FOUND"


def test_a_collector_that_does_not_answer_holds_up_no_end(service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        collector = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # Longer than the test waits: what ends it is not the export's own limit.
        limits = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600", "OTEL_EXPORTER_OTLP_ENDPOINT": collector}
        with (
            running(service, **limits) as (process, port),
            Client(f"127.0.0.1:{port}") as client,
        ):
            token = context.attach(propagate.extract({"traceparent": f"00-{TRACE}-{PARENT}-01"}))
            try:
                with pytest.raises(CallError):
                    client.invoke(service, "no-such-method", timeout=PATIENCE)
            finally:
                context.detach(token)
            process.terminate()
            assert end(process)[0] == 0


def test_what_is_typed_goes_before_the_port_in_the_environment(
    service: str, tmp_path: Path
) -> None:
    missing = tmp_path / "none"
    done = subprocess.run(
        [sys.executable, "-m", f"meshlens.{service}", missing],
        env=os.environ | {"APP_PORT": str(next(free_ports())), "MODELS": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert f"{missing} cannot be read: No such file or directory" in done.stderr


def logged(process: subprocess.Popen[str], event: str) -> dict[str, str]:
    """Wait for a line of the log."""
    assert process.stderr is not None
    for line in process.stderr:
        fields: dict[str, str] = json.loads(line)
        if fields["event"] == event:
            return fields
    pytest.fail(f"it has ended without {event!r}")


def test_a_variable_that_is_almost_a_setting_is_named_without_its_value(service: str) -> None:
    with running(service, APP_API_TOKENS="swordfish") as (process, _):
        line = logged(process, "unknown setting")
    assert (line["name"], line["did_you_mean"]) == ("APP_API_TOKENS", "APP_API_TOKEN")
    assert "swordfish" not in str(line)


def test_a_service_without_a_sidecar_says_so_and_serves(service: str) -> None:
    sidecar = next(free_ports())
    with running(service, DAPR_GRPC_PORT=str(sidecar)) as (process, port):
        line = logged(process, "no sidecar answers")
        with Client(f"127.0.0.1:{port}") as client:
            assert client.invoke(service, "ui", timeout=PATIENCE).body
    assert (line["level"], line["address"]) == ("warning", f"127.0.0.1:{sidecar}")
    assert "`dapr run`" in line["remedy"]


def test_a_result_that_cannot_be_published_names_the_sidecar(service: str) -> None:
    sidecar = str(next(free_ports()))
    body = {"pca": b"1,2,3,5,4,4,9,1", "classify": SEVEN.read_bytes()}[service]
    method = {"pca": "plot", "classify": "classify"}[service]
    alone = {"EVENTS": "confirmed", "PUBLISH_TIMEOUT": "0.1", "DAPR_GRPC_PORT": sidecar}
    with (
        running(service, **alone) as (_, port),
        Client(f"127.0.0.1:{port}") as client,
        pytest.raises(CallError) as fault,
    ):
        client.invoke(service, method, body, timeout=PATIENCE)
    assert f"got no answer: there is no sidecar at 127.0.0.1:{sidecar}" in fault.value.message
    assert "start the service beside a sidecar" in fault.value.details.remedy
