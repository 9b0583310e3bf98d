"""Calls that arrive while a server stops are refused in a way that callers try again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import grpc
import pytest
from contract.daprkit.toy import Gate, serving
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import eventually

from meshlens.daprkit.client import AppUnavailable, CallError, Client
from meshlens.daprkit.server import Server

CALLERS = 12
STOPS = 5
# What each caller does after the first refusal, at once and again and again.
MORE = 20


def call_until_refused(client: Client, answers: threading.Semaphore) -> list[str]:
    """Return the codes of all calls: those up to the first refusal, and some more."""
    codes: list[str] = []
    while len(codes) - codes.count("OK") < MORE:
        try:
            client.invoke("toy", "work", b"x", timeout=30)
        except CallError as error:
            codes.append(error.code)
        else:
            codes.append("OK")
            answers.release()
    return codes


@pytest.mark.parametrize("channels", [CALLERS, 1])
def test_callers_that_hammer_a_stopping_server_are_answered_or_told_to_try_again(
    channels: int,
) -> None:
    for _ in range(STOPS):
        with (
            serving(workers=2, queue_per_worker=CALLERS) as (server, port),
            ExitStack() as stack,
        ):
            address = f"127.0.0.1:{port}"
            clients = [stack.enter_context(Client(address)) for _ in range(channels)]
            pool = stack.enter_context(ThreadPoolExecutor(CALLERS))
            answers = threading.Semaphore(0)
            callers = [
                pool.submit(call_until_refused, clients[place % channels], answers)
                for place in range(CALLERS)
            ]
            for _ in range(3 * CALLERS):
                assert answers.acquire(timeout=30)
            eventually(partial(holds_all, server), "every caller has a call that waits")
            server.stop()
            for caller in callers:
                assert set(caller.result()) == {"OK", "UNAVAILABLE"}


def holds_all(server: Server) -> bool:
    return server.hold_late_calls() == CALLERS


def test_what_has_begun_is_answered_while_what_comes_late_is_refused(gate: Gate) -> None:
    with (
        serving() as (server, port),
        Client(f"127.0.0.1:{port}") as client,
        ThreadPoolExecutor(2) as pool,
    ):
        begun = pool.submit(client.invoke, "toy", "gate", b"begun")
        gate.await_begun(1)
        server.hold_late_calls()
        late = pool.submit(client.invoke, "toy", "gate", b"late")
        eventually(lambda: server.hold_late_calls() == 1, "the late call waits")
        assert not late.done()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with pytest.raises(AppUnavailable, match="shutting down"):
            late.result(30)
        assert not begun.done()
        gate.open.set()
        assert begun.result(30).body == b"through"
        stopping.join(30)
    assert gate.begun == ["begun"]


def test_probes_are_answered_while_late_calls_wait() -> None:
    states = health_pb2.HealthCheckResponse
    with (
        serving() as (server, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        server.hold_late_calls()
        on_topic = appcallback_service_v1.AppCallbackStub(channel).OnInvoke
        late = pool.submit(on_topic, common_v1.InvokeRequest(method="work"))
        eventually(lambda: server.hold_late_calls() == 1, "the late call waits")
        appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(empty_pb2.Empty())
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(service="/live")).status == states.SERVING
        server.stop()
        assert isinstance(late.exception(30), grpc.RpcError)
