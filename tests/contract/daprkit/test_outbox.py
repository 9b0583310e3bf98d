"""EVENTS=outbox: callers do not notice the broker, and every event arrives once it is there."""

import sqlite3
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from contract.daprkit.broker import Broker, serving_broker
from contract.daprkit.toy import Gate, refusal_of, serving
from opentelemetry import context, propagate
from processes import eventually, free_ports

from meshlens.daprkit.client import AppUnavailable, Client
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode

TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def running(folder: Path, broker: Broker, **changes: object) -> Iterator[tuple[Client, Server]]:
    settings: dict[str, Any] = {
        "events": EventMode.OUTBOX,
        "outbox_folder": folder,
        "dapr_grpc_port": broker.port,
        "publish_timeout": 2.0,
    }
    with (
        serving(**(settings | changes)) as (server, port),
        Client(f"127.0.0.1:{port}") as client,
    ):
        yield client, server


@pytest.fixture(params=[False, True], ids=["one by one", "in bulk"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with serving_broker(bulk=request.param) as taken:
        yield taken


def call(client: Client, *sizes: int) -> None:
    for size in sizes:
        client.invoke("toy", "work", b"x" * size)


def is_withheld(call: Callable[[], object]) -> bool:
    refusal = refusal_of(call)
    return (refusal.code, refusal.details.reason) == ("UNAVAILABLE", "EVENT_NOT_CONFIRMED")


def left(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "0.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM events").fetchone()
        return int(count)


def test_an_event_says_who_what_and_when_in_the_trace_of_its_call(
    broker: Broker, tmp_path: Path
) -> None:
    parent = f"00-{TRACE}-b7ad6b7169203331-01"
    with running(tmp_path, broker) as (client, _):
        token = context.attach(propagate.extract({"traceparent": parent}))
        try:
            call(client, 3)
        finally:
            context.detach(token)
        broker.await_that(lambda: bool(broker.accepted))
    (event,) = broker.accepted
    assert event["id"] == event["data"]["id"]
    assert (event["source"], event["subject"], event["specversion"]) == ("toy", "work", "1.0")
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"].split("-")[1] == event["traceid"].split("-")[1] == TRACE
    assert event["time"].endswith("Z")


def test_the_client_sends_a_key_of_its_own_with_each_call(broker: Broker, tmp_path: Path) -> None:
    with running(tmp_path, broker) as (client, _):
        call(client, 1, 1)
        broker.await_that(lambda: len(broker.seen) == 2)
    # The ids follow from the keys; without one they would be of version 4.
    assert [UUID(event["id"]).version for event in broker.seen] == [5, 5]


def test_without_a_broker_calls_are_answered_and_their_events_arrive_in_order(
    broker: Broker, tmp_path: Path
) -> None:
    with running(tmp_path, broker) as (client, _):
        broker.down = True
        call(client, *range(30))
        broker.await_that(lambda: broker.tries > 3)
        assert broker.accepted == []
        broker.down = False
        broker.await_that(lambda: len(broker.seen) == 30)
        call(client, 30)
        broker.await_that(lambda: len(broker.seen) == 31)
    assert broker.bodies == list(range(31))
    assert len({event["id"] for event in broker.accepted}) == 31
    assert left(tmp_path) == 0


def test_a_failure_is_answered_by_its_own_code_without_a_broker(
    broker: Broker, tmp_path: Path
) -> None:
    broker.down = True
    with running(tmp_path, broker) as (client, _):
        assert refusal_of(lambda: client.invoke("toy", "refuse")).code == "FAILED_PRECONDITION"
        broker.down = False
        broker.await_that(lambda: bool(broker.accepted))
    assert broker.accepted[0]["data"]["outcome"] == "FAILED_PRECONDITION"


def test_an_event_that_the_broker_alone_refuses_holds_up_no_other(
    broker: Broker, tmp_path: Path
) -> None:
    broker.refused = {"foreign"}
    with running(tmp_path, broker) as (client, _):
        call(client, 1)
        refusal_of(lambda: client.invoke("toy", "foreign"))
        call(client, 2, 3)
        broker.await_that(lambda: len(broker.seen) == 3)
        assert broker.bodies == [1, 2, 3]
        broker.refused = set()
        broker.await_that(lambda: len(broker.seen) == 4)
    assert broker.seen[-1]["subject"] == "foreign"
    assert left(tmp_path) == 0


def test_what_the_broker_has_not_taken_is_published_after_the_next_start(
    broker: Broker, tmp_path: Path
) -> None:
    broker.down = True
    with running(tmp_path, broker) as (client, _):
        call(client, 1, 2)
    assert left(tmp_path) == 2
    broker.down = False
    with running(tmp_path, broker) as (client, _):
        call(client, 3)
        broker.await_that(lambda: len(broker.seen) == 3)
    assert broker.bodies == [1, 2, 3]


def test_events_that_are_many_go_out_in_bulk_where_the_component_can(
    broker: Broker, tmp_path: Path
) -> None:
    broker.down = True
    with running(tmp_path, broker) as (client, _):
        call(client, *range(10))
    broker.down, broker.calls = False, []
    with running(tmp_path, broker):
        broker.await_that(lambda: len(broker.seen) == 10)
    assert broker.calls in ([10], [1] * 10)


def test_at_the_end_what_is_left_goes_out(broker: Broker, tmp_path: Path) -> None:
    with running(tmp_path, broker) as (client, _):
        broker.down = True
        call(client, 1, 2, 3)
        broker.await_that(lambda: broker.tries > 0)
        broker.down = False
    assert broker.bodies == [1, 2, 3]
    assert left(tmp_path) == 0


def test_while_it_drains_an_answer_waits_for_the_broker(broker: Broker, tmp_path: Path) -> None:
    with running(tmp_path, broker, publish_timeout=0.5) as (client, server):
        server.drain()
        call(client, 1)
        assert broker.bodies == [1]
        broker.down = True
        assert is_withheld(lambda: client.invoke("toy", "work"))


def test_while_it_drains_an_answer_does_not_wait_for_a_sidecar_that_has_left(
    broker: Broker, tmp_path: Path
) -> None:
    # Nobody would wait so long for the end of `publish_timeout`.
    with running(tmp_path, broker, publish_timeout=3600.0) as (client, server):
        call(client, 1)
        broker.await_that(lambda: broker.bodies == [1])
        server.drain()
        broker.leave()
        assert is_withheld(lambda: client.invoke("toy", "work", timeout=60))
        assert refusal_of(lambda: client.invoke("toy", "refuse")).code == "FAILED_PRECONDITION"


def test_while_it_drains_an_answer_waits_for_a_sidecar_that_is_there_though_the_broker_is_not(
    broker: Broker, tmp_path: Path
) -> None:
    with running(tmp_path, broker, publish_timeout=3600.0) as (client, server):
        server.drain()
        broker.down = True
        with ThreadPoolExecutor(1) as callers:
            answer = callers.submit(client.invoke, "toy", "work", b"x", timeout=60)
            broker.await_that(lambda: broker.tries > 1)
            broker.down = False
            assert answer.result(60).body
    assert broker.bodies == [1]


def test_while_it_drains_an_answer_waits_for_nobody_if_a_later_start_finds_the_outbox(
    broker: Broker, tmp_path: Path
) -> None:
    with running(tmp_path, broker, publish_timeout=3600.0, outbox_stays=True) as (client, server):
        server.drain()
        broker.down = True
        call(client, 1)
        assert left(tmp_path) == 1
    broker.down = False
    with running(tmp_path, broker):
        broker.await_that(lambda: broker.bodies == [1])


def test_at_the_bound_calls_are_refused_and_taken_again_later(
    broker: Broker, tmp_path: Path
) -> None:
    broker.down = True
    with running(tmp_path, broker, outbox_size=1000) as (client, _):
        call(client, 1, 2)
        refusal = refusal_of(lambda: client.invoke("toy", "work"))
        assert (refusal.code, refusal.details.reason) == ("UNAVAILABLE", "OUTBOX_FULL")
        assert client.invoke("toy", "describe").body
        broker.down = False
        broker.await_that(lambda: len(broker.seen) == 2)

        def is_taken() -> bool:
            # The service hears a little later than the test what the broker has taken.
            try:
                call(client, 3)
            except AppUnavailable:
                return False
            return True

        eventually(is_taken, "there is room again")


def test_a_call_with_a_key_that_is_made_again_is_one_computation_and_one_event(
    broker: Broker, tmp_path: Path, gate: Gate
) -> None:
    with running(tmp_path, broker) as (client, _), ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(client.invoke, "toy", "gate", b"x", key="k") for _ in range(3)]
        gate.await_begun(1)
        gate.open.set()
        assert [each.result(30).body for each in calls] == [b"through"] * 3
        assert client.invoke("toy", "gate", b"x", key="k").body == b"through"
        refusal = refusal_of(lambda: client.invoke("toy", "gate", b"y", key="k"))
        assert (refusal.code, refusal.details.reason) == (
            "INVALID_ARGUMENT",
            "IDEMPOTENCY_KEY_REUSED",
        )
        broker.await_that(lambda: len(broker.seen) == 2)
    assert gate.begun == ["x"]


def test_metrics_show_what_waits_and_what_has_gone(broker: Broker, tmp_path: Path) -> None:
    port = next(free_ports())
    with running(tmp_path, broker, metrics_port=port) as (client, _):
        call(client, 1)
        broker.await_that(lambda: len(broker.seen) == 1)
        broker.down = True
        call(client, 2, 3)
        broker.await_that(lambda: broker.tries > 1)
        address = f"http://127.0.0.1:{port}/metrics"

        def read() -> dict[str, float]:
            with urllib.request.urlopen(address) as answer:
                lines = answer.read().decode().splitlines()
            pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("events_"))
            return {name: float(value) for name, value in pairs}

        eventually(lambda: read()["events_retried_total"] > 0, "a try is counted")
        shown = read()
    assert shown["events_waiting"] == 2
    assert shown["events_sent_total"] == 1
    assert shown["events_oldest_seconds"] > 0
