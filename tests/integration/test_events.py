"""EVENTS=confirmed: whatever is killed, the event of an answered result is at the broker."""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from installed import need
from mesh import Mesh, Profile
from published import published

from meshlens.daprkit.client import CallError, Client

CALLERS = 4


@pytest.fixture
def fresh_redis_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh for one test, because it does not survive the test."""
    need("redis-server", "apt-get install redis-server")
    folder = tmp_path_factory.mktemp("events")
    env = {"pca": {"EVENTS": "confirmed", "PUBLISH_TIMEOUT": "1"}}
    with Mesh(Profile.REDIS, folder, services=["pca"], env=env) as running:
        yield running


class Traffic:
    """Callers that call the service directly, so that they reach it while its sidecar is down."""

    def __init__(self, port: int) -> None:
        self.answered: list[str] = []
        self.failed: set[str] = set()
        self._port = port
        self._numbers = itertools.count(1)
        self._answers = threading.Semaphore(0)
        self._enough = threading.Event()

    def call_again_and_again(self) -> None:
        """Request plots, each of different points, and record which were answered."""
        with Client(f"127.0.0.1:{self._port}") as client:
            while not self._enough.is_set():
                body = f"1,2,3,4,5,{next(self._numbers)}".encode()
                try:
                    client.invoke("pca", "plot", body, timeout=10)
                except CallError as error:
                    self.failed.add(error.code)
                    self._enough.wait(0.01)
                else:
                    self.answered.append(hashlib.sha256(body).hexdigest())
                    self._answers.release()

    def await_answers(self, count: int) -> None:
        """Wait until a number of further calls are answered."""
        while self._answers.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._answers.acquire(timeout=60), "no more answers"

    def stop(self) -> None:
        """Stop calling."""
        self._enough.set()


def digests(mesh: Mesh) -> list[str]:
    """Return the input digests of the events at the broker."""
    return [event["data"]["input"]["sha256"] for event in published(mesh)]


def test_every_answer_has_its_event_though_app_and_sidecar_are_killed(
    fresh_redis_mesh: Mesh,
) -> None:
    mesh = fresh_redis_mesh
    traffic = Traffic(mesh.app_port("pca"))
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(traffic.call_again_and_again) for _ in range(CALLERS)]
        try:
            traffic.await_answers(50)
            mesh.kill_sidecar("pca")
            mesh.start_sidecar("pca")
            traffic.await_answers(50)
            mesh.kill_app("pca")
            mesh.start_app("pca")
            traffic.await_answers(50)
        finally:
            traffic.stop()
        for caller in callers:
            caller.result()
    assert len(traffic.answered) >= 150
    assert traffic.failed <= {"UNAVAILABLE"}
    assert set(traffic.answered) <= set(digests(mesh))


def test_without_a_broker_nothing_is_answered_and_with_it_all_goes_on(
    fresh_redis_mesh: Mesh,
) -> None:
    mesh = fresh_redis_mesh
    with Client(f"127.0.0.1:{mesh.app_port('pca')}") as client:
        assert client.invoke("pca", "plot", b"1,2,3,4,5,7").body
        mesh.process("redis").kill()
        with pytest.raises(CallError) as fault:
            client.invoke("pca", "plot", b"1,2,3,4,5,8")
        assert fault.value.code == "UNAVAILABLE"
        assert "EVENTS=off" in fault.value.message
        mesh.start_redis()
        mesh_answers(client)
        digest = hashlib.sha256(b"1,2,3,4,5,9").hexdigest()
        assert digest in digests(mesh)


def mesh_answers(client: Client) -> None:
    """Call until the sidecar has found the broker again."""
    for _ in range(60):
        with suppress(CallError):
            client.invoke("pca", "plot", b"1,2,3,4,5,9")
            return
    raise AssertionError("the sidecar has not found the broker again")
