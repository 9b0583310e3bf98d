"""Servers beside each other: classify alone, and others in environments of their own.

Those of the others are made by uv, by the locks in bench/peers.
"""

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from mesh import ROOT
from processes import Process, eventually, is_listening

from meshlens.command.mesh.sidecars import SERVING, health_through

PROGRAMS = ROOT / "bench/peers"
START_SECONDS = 120.0


def find_uv() -> str:
    """Return the program uv: the one that runs this, else an installed one.

    Raises:
        RuntimeError: there is none.
    """
    found = os.environ.get("UV") or shutil.which("uv")
    if found is None:
        raise RuntimeError("uv is missing; run it by make")
    return found


def prepare(program: str) -> list[str]:
    """Make the environment of a program and return the command that runs it there."""
    uv, path = find_uv(), str(PROGRAMS / f"{program}.py")
    subprocess.run([uv, "sync", "--frozen", "--quiet", "--script", path], check=True)  # noqa: S603 - our own program
    return [uv, "run", "--frozen", "--quiet", "--script", path]


def is_ready(port: int, model: str) -> bool:
    """Return whether a server of V2 answers that it has loaded the model."""
    with suppress(OSError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        connection.request("GET", f"/v2/models/{model}/ready")
        return connection.getresponse().status == http.client.OK
    return False


@contextmanager
def serving_v2(
    program: str, model: str, file: Path, ports: Sequence[int], folder: Path
) -> Iterator[Process]:
    """Run another server of V2 once it is ready on all ports, the first of which is HTTP's."""
    command = [*prepare(program), model, str(file), *map(str, ports)]
    with _running(program, command, folder, os.environ) as process:
        eventually(
            lambda: all(map(is_listening, ports)) and is_ready(ports[0], model),
            f"{program} is ready",
            within=START_SECONDS,
        )
        yield process


@contextmanager
def serving_plainly(file: Path, port: int, folder: Path) -> Iterator[Process]:
    """Run the plain server of gRPC, in the environment of classify."""
    command = [sys.executable, str(PROGRAMS / "grpc_litert.py"), str(file), str(port)]
    with _running("grpc_litert", command, folder, os.environ) as process:
        eventually(lambda: is_listening(port), "grpc_litert listens", within=START_SECONDS)
        yield process


@contextmanager
def serving_classify(port: int, folder: Path, env: Mapping[str, str]) -> Iterator[Process]:
    """Run classify without a sidecar and without events, once it is healthy."""
    folder.mkdir(exist_ok=True)
    settings = {"APP_PORT": str(port), "EVENTS": "off", "METRICS_PORT": "0", **env}
    command = [sys.executable, "-m", "meshlens.classify"]
    with _running("classify", command, folder, os.environ | settings) as process:
        eventually(
            lambda: health_through(port, "classify") == SERVING,
            "classify is healthy",
            within=START_SECONDS,
        )
        yield process


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Keep this thread, and the threads and processes that it starts, on the first cores."""
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cores)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def seconds_of_cpu(processes: Sequence[Process]) -> float:
    """Return the seconds of CPU that processes, and all that they have started, have used."""
    total = 0.0
    for process in processes:
        leader = psutil.Process(process.pid)
        for one in (leader, *leader.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


@contextmanager
def _running(
    name: str, command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> Iterator[Process]:
    process = Process(name, command, folder=folder, env=env)
    try:
        yield process
    finally:
        process.kill()
