"""The method `events` over gRPC: refused when off, and no burden on work when on."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from contract.daprkit.broker import broker
from contract.daprkit.toy import refusal_of, seen, serving

from meshlens.daprkit.application.lanes import WATCH_SLOTS
from meshlens.daprkit.client import Client
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.settings import EventMode

GET = "events"


@pytest.fixture
def shown() -> Iterator[Client]:
    """A toy service that shows its last 10 events."""
    with (
        broker() as sidecar_port,
        serving(events=EventMode.CONFIRMED, show_events=10, dapr_grpc_port=sidecar_port) as (
            _,
            port,
        ),
        Client(f"127.0.0.1:{port}") as client,
    ):
        yield client


def cursor_of(reply: Reply) -> str:
    return str(seen(reply)["cursor"])


@contextmanager
def watching(client: Client, count: int) -> Iterator[list[Future[Reply]]]:
    """Let a number of callers wait for the next event."""
    cursor = cursor_of(client.invoke("toy", GET))
    with ThreadPoolExecutor(count) as callers:
        yield [
            callers.submit(client.invoke, "toy", GET, query={"after": cursor}) for _ in range(count)
        ]


def test_events_are_refused_with_the_setting_that_shows_them(client: Client) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", GET))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.details.reason == "EVENTS_NOT_SHOWN"
    assert "SHOW_EVENTS=100" in refusal.message


def test_without_events_none_are_shown() -> None:
    with serving(show_events=10) as (_, port), Client(f"127.0.0.1:{port}") as client:
        assert "EVENTS=off" in refusal_of(lambda: client.invoke("toy", GET)).message


def test_the_event_of_a_result_is_shown_as_published(shown: Client) -> None:
    shown.invoke("toy", "work", b"one")
    answer = json.loads(shown.invoke("toy", GET).body)
    (event,) = answer["events"]
    assert event["data"]["method"] == "work"
    assert event["data"]["outcome"] == "OK"
    assert b"one" not in json.dumps(event).encode()


def test_watching_and_what_is_no_work_have_no_event(shown: Client) -> None:
    for _ in range(3):
        shown.invoke("toy", "describe")
        assert seen(shown.invoke("toy", GET))["events"] == []


def test_callers_that_wait_starve_no_work_and_all_get_its_event(shown: Client) -> None:
    with watching(shown, WATCH_SLOTS) as waiting:
        assert seen(shown.invoke("toy", "work", b"x"))["size"] == 1
        assert seen(shown.invoke("toy", "describe"))["size"] == 0
        for each in waiting:
            (event,) = json.loads(each.result(30).body)["events"]
            assert event["data"]["method"] == "work"


def test_a_caller_in_a_hurry_gets_nothing_within_its_time(shown: Client) -> None:
    cursor = cursor_of(shown.invoke("toy", GET))
    reply = shown.invoke("toy", GET, query={"after": cursor, "timeout": "0.2"})
    assert seen(reply) == {"events": [], "cursor": cursor, "missed": 0}


def test_an_option_that_is_not_there_is_refused(shown: Client) -> None:
    assert (
        refusal_of(lambda: shown.invoke("toy", GET, query={"since": "1"})).details.option == "since"
    )
