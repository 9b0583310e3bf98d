"""A server begins, serves, drains and stops as its settings say."""

import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from contract.daprkit.broker import broker, serving_broker
from contract.daprkit.toy import TOKEN, Gate, refusal_of, seen, serving
from dapr.proto import appcallback_service_v1, appcallback_v1, common_v1
from google.protobuf import empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import trace
from processes import free_ports

from meshlens.daprkit.client import Client
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode


def test_requests_in_flight_are_answered_before_the_server_stops(gate: Gate) -> None:
    with (
        serving(stop_grace=10) as (server, port),
        Client(f"127.0.0.1:{port}") as client,
        ThreadPoolExecutor(2) as callers,
    ):
        running = [callers.submit(client.invoke, "toy", "gate", b"x") for _ in range(2)]
        gate.await_begun(2)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        gate.open.set()
        assert [call.result().body for call in running] == [b"through"] * 2
        stopping.join(10)
        assert not stopping.is_alive()


def test_who_waits_for_an_event_does_not_hold_up_the_end() -> None:
    with (
        broker() as sidecar_port,
        serving(
            events=EventMode.CONFIRMED, show_events=1, dapr_grpc_port=sidecar_port, stop_grace=60
        ) as (server, port),
        Client(f"127.0.0.1:{port}") as client,
        ThreadPoolExecutor(1) as callers,
    ):
        cursor = str(seen(client.invoke("toy", "events"))["cursor"])
        waiting = callers.submit(client.invoke, "toy", "events", query={"after": cursor})
        server.drain()
        assert seen(waiting.result(30))["events"] == []


def test_a_result_whose_event_no_broker_takes_is_not_answered() -> None:
    with (
        # Port 1 answers nobody: the service has no sidecar.
        serving(events=EventMode.CONFIRMED, dapr_grpc_port=1, publish_timeout=0.3) as (_, port),
        Client(f"127.0.0.1:{port}") as client,
    ):
        refusal = refusal_of(lambda: client.invoke("toy", "work"))
        assert refusal.code == "UNAVAILABLE"
        assert "EVENTS=off" in refusal.message
        assert seen(client.invoke("toy", "describe"))["size"] == 0


def test_a_result_does_not_wait_for_the_confirmation_of_a_sidecar_that_has_left() -> None:
    with (
        serving_broker() as sidecar,
        # Nobody would wait so long for the end of `publish_timeout`.
        serving(
            events=EventMode.CONFIRMED, dapr_grpc_port=sidecar.port, publish_timeout=3600.0
        ) as (server, port),
        Client(f"127.0.0.1:{port}") as client,
    ):
        assert client.invoke("toy", "work").body
        server.drain()
        assert client.invoke("toy", "work").body
        sidecar.leave()
        refusal = refusal_of(lambda: client.invoke("toy", "work", timeout=60))
        assert (refusal.code, refusal.details.reason) == ("UNAVAILABLE", "EVENT_NOT_CONFIRMED")


def test_with_a_token_only_callers_who_know_it_are_served_but_probes_are_free() -> None:
    with serving(app_api_token=TOKEN) as (_, port):
        with Client(f"127.0.0.1:{port}", api_token=TOKEN) as sidecar:
            assert seen(sidecar.invoke("toy", "work"))["size"] == 0
        for token in ("", "swordfisch"):
            with Client(f"127.0.0.1:{port}", api_token=token) as stranger:
                refusal = refusal_of(lambda: stranger.invoke("toy", "work"))
            assert refusal.code == "UNAUTHENTICATED"
            assert "APP_API_TOKEN" in refusal.message
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            state = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert state.status == health_pb2.HealthCheckResponse.SERVING


def test_with_a_token_what_the_sidecar_calls_without_it_is_free_and_nothing_else() -> None:
    with (
        serving(app_api_token=TOKEN) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(empty_pb2.Empty())
        callbacks = appcallback_service_v1.AppCallbackStub(channel)
        listed = callbacks.ListTopicSubscriptions(empty_pb2.Empty())
        assert [subscription.topic for subscription in listed.subscriptions] == ["things"]
        for call, message in (
            (callbacks.OnInvoke, common_v1.InvokeRequest(method="work")),
            (callbacks.OnTopicEvent, appcallback_v1.TopicEventRequest(topic="things")),
            (callbacks.ListInputBindings, empty_pb2.Empty()),
        ):
            with pytest.raises(grpc.RpcError) as refusal:
                call(message)
            assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_service_that_cannot_be_asked_yet_lives_all_the_same() -> None:
    states = health_pb2.HealthCheckResponse
    with (
        serving(readiness=lambda: {"": False}) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest()).status == states.NOT_SERVING
        assert check(health_pb2.HealthCheckRequest(service="/live")).status == states.SERVING


def test_no_spans_are_made_if_the_environment_names_no_exporter_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with serving(otel_traces_exporter="none") as (_, port):
        assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        with Client(f"127.0.0.1:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0


def test_a_lifespan_begins_behind_a_port_that_answers_and_ends_when_the_service_drains() -> None:
    told: list[str] = []
    serves = {"": True}

    @contextmanager
    def live(server: Server) -> Iterator[None]:
        told.append("begun")
        serves["model"] = True
        server.refresh()
        yield
        told.append("ended")

    states = health_pb2.HealthCheckResponse
    with (
        serving(lifespan=live, readiness=lambda: serves) as (server, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(service="model")).status == states.SERVING
        assert told == ["begun"]
        server.drain()
        assert told == ["begun", "ended"]
        assert check(health_pb2.HealthCheckRequest()).status == states.NOT_SERVING
        with Client(f"127.0.0.1:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0
    assert told == ["begun", "ended"]


def test_a_lifespan_ends_though_nobody_drains_the_service() -> None:
    told: list[str] = []

    @contextmanager
    def live(_: Server) -> Iterator[None]:
        yield
        told.append("ended")

    with serving(lifespan=live):
        assert told == []
    assert told == ["ended"]


def test_a_call_without_the_token_is_counted_once_and_one_that_fails_within_as_well() -> None:
    metrics_port = next(free_ports())
    with serving(app_api_token=TOKEN, metrics_port=metrics_port) as (_, port):
        for token in ("", TOKEN):
            with Client(f"127.0.0.1:{port}", api_token=token) as client:
                refusal_of(lambda: client.invoke("toy", "no-such-method"))
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    counted = [line.split()[1] for line in lines if line.startswith("calls_total{")]
    assert counted == ["1.0", "1.0"]
    assert any('code="UNAUTHENTICATED"' in line for line in lines)


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_an_ipv6_address_in_either_spelling_serves_calls_and_metrics(address: str) -> None:
    metrics_port = next(free_ports())
    with serving(listen_address=address, metrics_port=metrics_port) as (_, port):
        with Client(f"[::1]:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0
        with urllib.request.urlopen(f"http://[::1]:{metrics_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    assert 'calls_total{code="OK",method="work",model="",protocol="invoke",version=""} 1.0' in lines
