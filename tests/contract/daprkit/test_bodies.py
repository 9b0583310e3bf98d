"""Bodies by gRPC: bounded together, refused with a delay, and none that is stuck holds others."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager

import grpc
import pytest
from contract.daprkit.toy import MAX_BODY, Gate, refusal_of, seen, serving
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import empty_pb2
from google.protobuf.any_pb2 import Any
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshlens.daprkit.client import AppUnavailable, Client

_SERVING = health_pb2.HealthCheckResponse.SERVING
ON_INVOKE = "/dapr.proto.runtime.v1.AppCallback/OnInvoke"


def invoke(channel: grpc.Channel, caller: str) -> common_v1.InvokeResponse:
    message = common_v1.InvokeRequest(method="work", data=Any(value=b"xy"))
    answer: common_v1.InvokeResponse = appcallback_service_v1.AppCallbackStub(channel).OnInvoke(
        message, metadata=(("dapr-caller-app-id", caller),), timeout=30
    )
    return answer


def check_health(channel: grpc.Channel) -> None:
    appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(
        empty_pb2.Empty(), timeout=10
    )
    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)


@contextmanager
def calls_without_message(
    port: int, number: int, caller: str, method: str = ON_INVOKE
) -> Iterator[None]:
    """Open calls, and send nothing."""
    end = threading.Event()

    def send() -> Iterator[bytes]:
        end.wait(60)
        yield b""

    with ExitStack() as stack:
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(method)
        metadata = (("dapr-caller-app-id", caller),)
        calls = [call.future(send(), metadata=metadata) for _ in range(number)]
        try:
            yield
        finally:
            end.set()
            for one in calls:
                one.cancel()


def test_calls_that_send_nothing_keep_neither_other_callers_nor_health_waiting() -> None:
    with (
        serving() as (server, port),
        calls_without_message(port, 150, "stuck"),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        check_health(channel)
        for _ in range(3):
            assert invoke(channel, "shop").data.value
        assert server.ready


def test_health_checks_that_send_nothing_do_not_keep_those_of_the_sidecar_waiting() -> None:
    with (
        serving() as (_, port),
        calls_without_message(port, 50, "", "/grpc.health.v1.Health/Check"),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        for _ in range(3):
            appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(
                empty_pb2.Empty(), timeout=10
            )


def test_health_checks_that_one_caller_makes_at_once_are_all_answered() -> None:
    # Once all have begun, as after a moment in which the process stood still.
    begun, checks = threading.Semaphore(0), 8
    message = threading.Event()

    def send() -> Iterator[health_pb2.HealthCheckRequest]:
        begun.release()
        message.wait(60)
        yield health_pb2.HealthCheckRequest()

    with serving() as (_, port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.stream_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        calls = [check.future(send(), timeout=60) for _ in range(checks)]
        for _ in calls:
            assert begun.acquire(timeout=60)
        # One of another kind: the server takes the calls of a connection in their order.
        appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(
            empty_pb2.Empty(), timeout=10
        )
        message.set()
        assert [call.result(60).status for call in calls] == [_SERVING] * checks


def test_bodies_beyond_their_memory_are_refused_with_a_delay(gate: Gate) -> None:
    with (
        serving(body_memory=MAX_BODY + 1000, queue_per_worker=8) as (_, port),
        Client(f"127.0.0.1:{port}") as client,
        ThreadPoolExecutor(1) as callers,
    ):
        large = callers.submit(client.invoke, "toy", "gate", b"x" * MAX_BODY)
        gate.await_begun(1)
        refusal = refusal_of(lambda: client.invoke("toy", "work", b"x" * 2000))
        assert isinstance(refusal, AppUnavailable)
        assert refusal.code == "RESOURCE_EXHAUSTED"
        assert refusal.details.reason == "TOO_MANY_BYTES"
        assert refusal.retry_after is not None
        assert refusal.retry_after > 0
        assert seen(client.invoke("toy", "work", b"small"))["size"] == 5
        gate.open.set()
        assert large.result(30).body == b"through"
        assert seen(client.invoke("toy", "work", b"x" * 2000))["size"] == 2000


def test_what_is_no_message_is_the_callers_fault(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(ON_INVOKE)
        for messages in ([b"\xff\xff\xff"], []):
            with pytest.raises(grpc.RpcError) as fault:
                call(iter(messages), timeout=30)
            assert fault.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_light_caller_is_answered_beside_one_that_fills_the_queue(port: int, gate: Gate) -> None:
    with (
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        Client(f"127.0.0.1:{port}") as greedy,
        ThreadPoolExecutor(20) as callers,
    ):
        # Two run, two wait.
        calls = [callers.submit(greedy.invoke, "toy", "gate", b"x") for _ in range(12)]
        ended = as_completed(calls, timeout=30)
        for _ in range(8):
            assert isinstance(next(ended).exception(), AppUnavailable)
        light = callers.submit(invoke, channel, "shop")
        # The newest of those that wait gives way.
        pushed_out = next(ended).exception()
        assert isinstance(pushed_out, AppUnavailable)
        assert pushed_out.retry_after is not None
        assert not light.done()
        gate.open.set()
        assert light.result(30).data.value
        assert [one.result().body for one in ended] == [b"through"] * 3
