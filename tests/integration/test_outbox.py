"""EVENTS=outbox through real sidecars: what is answered has its event, however late and once."""

import hashlib
import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from installed import need
from mesh import Mesh, Profile
from processes import eventually
from published import published

from meshlens.daprkit.client import CallError, Client


@pytest.fixture
def redis_mesh(tmp_path: Path) -> Iterator[Mesh]:
    """A mesh for one test, because it does not survive the test."""
    need("redis-server", "apt-get install redis-server")
    with Mesh(Profile.REDIS, tmp_path, services=["pca"]) as running:
        yield running


def points(number: int) -> bytes:
    return f"1,2,3,4,5,{number}".encode()


def digests(numbers: range) -> list[str]:
    return [hashlib.sha256(points(number)).hexdigest() for number in numbers]


def inputs(mesh: Mesh) -> list[str]:
    return [event["data"]["input"]["sha256"] for event in published(mesh)]


def await_events(mesh: Mesh, numbers: range) -> None:
    """Wait until the events of these points are at the broker, in this order and once each."""
    eventually(lambda: len(inputs(mesh)) >= len(numbers), "every event has arrived")
    events = published(mesh)
    assert inputs(mesh) == digests(numbers)
    assert len({event["id"] for event in events}) == len(numbers)


@pytest.mark.parametrize("profile", list(Profile))
def test_events_arrive_in_the_order_of_their_answers(profile: Profile, tmp_path: Path) -> None:
    if profile is Profile.REDIS:
        need("redis-server", "apt-get install redis-server")
    with (
        Mesh(profile, tmp_path, services=["pca"]) as mesh,
        Client(f"127.0.0.1:{mesh.grpc_port('pca')}") as client,
    ):
        for number in range(100):
            assert client.invoke("pca", "plot", points(number)).body
        await_events(mesh, range(100))
        event = published(mesh)[0]
        assert (event["source"], event["type"]) == ("pca", "meshlens.result.v1")
        assert (event["topic"], event["pubsubname"]) == ("results", "pubsub")


def test_without_a_broker_every_call_is_answered_and_its_event_arrives_later(
    redis_mesh: Mesh,
) -> None:
    mesh = redis_mesh
    log = mesh.process("pca").log
    with Client(f"127.0.0.1:{mesh.grpc_port('pca')}") as client:
        mesh.process("redis").kill()
        for number in range(50):
            assert client.invoke("pca", "plot", points(number), timeout=10).body
        with pytest.raises(CallError) as fault:
            client.invoke("pca", "plot", b"no table", timeout=10)
        assert fault.value.code == "INVALID_ARGUMENT"
        eventually(lambda: "the broker takes no events" in log(), "the log says so")
        mesh.start_redis()
        eventually(lambda: len(published(mesh)) == 51, "every event has arrived")
        assert client.invoke("pca", "plot", points(51)).body
        eventually(lambda: len(published(mesh)) == 52, "the next has arrived")
    found = published(mesh)
    assert inputs(mesh)[:50] == digests(range(50))
    assert found[50]["data"]["outcome"] == "INVALID_ARGUMENT"
    assert len({event["id"] for event in found}) == 52
    assert "the broker takes events again" in log()


def test_a_service_killed_between_answer_and_publication_publishes_after_its_restart(
    redis_mesh: Mesh,
) -> None:
    mesh = redis_mesh
    with Client(f"127.0.0.1:{mesh.app_port('pca')}") as client:
        mesh.kill_sidecar("pca")
        for number in range(20):
            assert client.invoke("pca", "plot", points(number)).body
        mesh.kill_app("pca")
    assert published(mesh) == []
    mesh.start_sidecar("pca")
    mesh.start_app("pca")
    await_events(mesh, range(20))


def test_a_service_that_stops_publishes_what_it_has_answered(redis_mesh: Mesh) -> None:
    mesh = redis_mesh
    enough = threading.Event()
    answered: list[str] = []

    def call_again_and_again(caller: int) -> None:
        number = 1000 * caller
        with Client(f"127.0.0.1:{mesh.app_port('pca')}") as client:
            while not enough.is_set():
                try:
                    client.invoke("pca", "plot", points(number), timeout=10)
                except CallError:
                    return
                answered.append(hashlib.sha256(points(number)).hexdigest())
                number += 1

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call_again_and_again, caller) for caller in range(4)]
        eventually(lambda: len(answered) > 50, "calls are answered")
        assert mesh.stop_app("pca") == 0
        enough.set()
        for caller in callers:
            caller.result()
    assert set(answered) <= set(inputs(mesh))


def test_a_call_by_http_made_again_with_its_key_is_computed_once(redis_mesh: Mesh) -> None:
    mesh = redis_mesh
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    answers = [
        mesh.call("pca", "pca", "plot", points(1), headers=key),
        mesh.call("pca", "pca", "plot", points(1), headers=key),
        mesh.call("pca", "pca", "plot", points(2), headers=key),
        mesh.call("pca", "pca", "plot", points(1)),
    ]
    assert [answer.status for answer in answers] == [
        http.client.OK,
        http.client.OK,
        http.client.BAD_REQUEST,
        http.client.OK,
    ]
    assert "IDEMPOTENCY_KEY_REUSED" in answers[2].text
    eventually(lambda: len(published(mesh)) == 3, "each computation has its event")
    assert [event["data"]["outcome"] for event in published(mesh)] == [
        "OK",
        "INVALID_ARGUMENT",
        "OK",
    ]


def test_the_tries_of_a_sidecar_are_one_computation_and_one_event(redis_mesh: Mesh) -> None:
    mesh = redis_mesh
    enough = threading.Event()
    answered: list[bytes] = []

    def call_again_and_again() -> None:
        number = 0
        with Client(f"127.0.0.1:{mesh.grpc_port('pca')}") as client:
            while not enough.is_set():
                try:
                    client.invoke("pca", "plot", points(number), timeout=10)
                except CallError:
                    enough.wait(0.05)
                else:
                    answered.append(points(number))
                number += 1

    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(call_again_and_again)
        for _ in range(3):
            count = len(answered) + 20
            eventually(lambda count=count: len(answered) > count, "calls are answered")  # type: ignore[misc] # a lambda with a default
            mesh.kill_sidecar("pca")
            mesh.start_sidecar("pca")
        enough.set()
        caller.result()
    expected = {hashlib.sha256(body).hexdigest() for body in answered}
    eventually(lambda: expected <= set(inputs(mesh)), "every event has arrived")
    ids: dict[str, set[str]] = {}
    for event in published(mesh):
        ids.setdefault(event["data"]["input"]["sha256"], set()).add(event["id"])
    assert all(len(one) == 1 for one in ids.values())
