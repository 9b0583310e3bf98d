"""What callers see of a service that ends, by a crash or by SIGTERM, and comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor

from mesh import Answer, Mesh
from processes import eventually

from meshlens.daprkit.client import AppUnavailable, Client

POINTS = b"1,2,3,5,4,4,9,1"
CALLERS = 6
RESTARTS = 3


def plot(mesh: Mesh) -> Answer:
    return mesh.call("classify", "pca", "plot", POINTS)


def test_over_http_a_crash_is_503_or_a_500_that_says_why_until_the_service_is_back(
    mesh: Mesh,
) -> None:
    assert plot(mesh).status == 200
    mesh.kill_app("pca")
    answers: list[Answer] = []

    def unhealthy() -> bool:
        answers.append(plot(mesh))
        return answers[-1].status == 500

    eventually(unhealthy, "the sidecar has found that its service is gone")
    assert {answer.status for answer in answers} <= {503, 500}
    assert "app is not in a healthy state" in answers[-1].text
    mesh.start_app("pca")
    assert plot(mesh).status == 200


def test_by_grpc_no_call_is_cancelled_while_the_service_stops_and_comes_back(mesh: Mesh) -> None:
    enough = threading.Event()
    answers = threading.Semaphore(0)

    def call_again_and_again() -> set[str]:
        codes = set()
        with Client(f"127.0.0.1:{mesh.grpc_port('classify')}") as client:
            while not enough.is_set():
                try:
                    assert client.invoke("pca", "plot", POINTS, timeout=30).body
                except AppUnavailable as error:
                    codes.add(error.code)
                else:
                    codes.add("OK")
                    answers.release()
        return codes

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_again_and_again) for _ in range(CALLERS)]
        try:
            for _ in range(RESTARTS):
                for _ in range(3 * CALLERS):
                    assert answers.acquire(timeout=30)
                assert mesh.stop_app("pca") == 0
                mesh.start_app("pca")
        finally:
            enough.set()
        for caller in callers:
            assert caller.result() <= {"OK", "UNAVAILABLE"}
