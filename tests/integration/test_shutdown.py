"""SIGTERM to a service and its sidecar at once, under traffic: no request is lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from mesh import Mesh, Profile

from meshlens.daprkit.client import Client

CALLERS = 4
BLOCK = 4
POINTS = b"1,2,3,5,4,4,9,1"


@pytest.fixture
def draining_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Sidecars that stay in the mesh for some seconds, and services that drain a second longer."""
    with Mesh(
        Profile.EMBEDDED,
        tmp_path_factory.mktemp("draining"),
        env={service: {"DRAIN_SECONDS": str(BLOCK + 1)} for service in ("pca", "classify")},
        sidecar_flags=("--dapr-block-shutdown-duration", f"{BLOCK}s"),
    ) as running:
        yield running


def test_calls_are_answered_while_the_service_and_its_sidecar_leave(draining_mesh: Mesh) -> None:
    mesh = draining_mesh
    port = mesh.grpc_port("classify")
    terminated = threading.Event()
    answered_after = threading.Semaphore(0)
    enough = threading.Event()

    def call_again_and_again() -> int:
        count = 0
        with Client(f"127.0.0.1:{port}") as client:
            while not enough.is_set():
                late = terminated.is_set()
                assert client.invoke("pca", "plot", POINTS, timeout=10).body
                count += 1
                if late:
                    answered_after.release()
        return count

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_again_and_again) for _ in range(CALLERS)]
        try:
            mesh.process("pca").terminate()
            mesh.process("pca-daprd").terminate()
            terminated.set()
            for _ in range(100):
                assert answered_after.acquire(timeout=BLOCK)
        finally:
            enough.set()
        assert all(caller.result() > 0 for caller in callers)
    assert mesh.process("pca").wait(30) == 0
    assert mesh.process("pca-daprd").wait(30) == 0
