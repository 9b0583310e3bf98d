"""Lanes bound what may wait or run, and starve neither each other nor probes."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from contract.daprkit.toy import Gate, full_queue, refusal_of, seen, status_of
from dapr.proto import appcallback_service_v1
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshlens.daprkit.application.lanes import MANAGE_SLOTS
from meshlens.daprkit.client import AppUnavailable, Client


def test_a_full_queue_refuses_at_once_and_says_when_to_retry(client: Client, gate: Gate) -> None:
    with full_queue(client, gate) as refusal:
        assert refusal.code == "RESOURCE_EXHAUSTED"
        assert isinstance(refusal, AppUnavailable)
        assert refusal.retry_after is not None
        assert refusal.retry_after >= 0.05
        retry = error_details_pb2.RetryInfo()
        assert status_of(refusal).details[0].Unpack(retry)
        assert retry.retry_delay.ToMilliseconds() >= 50


def test_probes_answer_while_every_place_is_taken(port: int, client: Client, gate: Gate) -> None:
    with full_queue(client, gate), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
        appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(
            empty_pb2.Empty(), timeout=0.5
        )
        state = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=0.5
        )
        assert state.status == health_pb2.HealthCheckResponse.SERVING


def test_management_that_waits_starves_neither_lists_nor_work(client: Client, gate: Gate) -> None:
    with ThreadPoolExecutor(MANAGE_SLOTS) as callers:
        calls = [callers.submit(client.invoke, "toy", "manage", b"x") for _ in range(MANAGE_SLOTS)]
        gate.await_begun(MANAGE_SLOTS)
        assert seen(client.invoke("toy", "describe"))["size"] == 0
        assert seen(client.invoke("toy", "work"))["size"] == 0
        refusal = refusal_of(lambda: client.invoke("toy", "manage"))
        assert refusal.code == "RESOURCE_EXHAUSTED"
        gate.open.set()
        assert [call.result().body for call in calls] == [b"through"] * MANAGE_SLOTS


@pytest.mark.parametrize("way", ["deadline", "timeout"])
def test_work_whose_time_is_over_never_begins(client: Client, gate: Gate, way: str) -> None:
    with ThreadPoolExecutor(2) as callers:
        holders = [callers.submit(client.invoke, "toy", "gate", b"hold") for _ in range(2)]
        gate.await_begun(2)
        deadline, query = (0.2, {}) if way == "deadline" else (None, {"timeout": "0.2"})
        refusal = refusal_of(
            lambda: client.invoke("toy", "gate", b"late", timeout=deadline, query=query)
        )
        assert refusal.code == "DEADLINE_EXCEEDED"
        gate.open.set()
        assert [holder.result().body for holder in holders] == [b"through"] * 2
    assert seen(client.invoke("toy", "work"))["size"] == 0
    assert gate.begun == ["hold", "hold"]
