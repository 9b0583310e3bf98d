"""Cold start and idle memory of each service, relative to bare imports in the same minute.

A start ends with the first answer. `--python` names the interpreter of another environment, as of
one without the tools of this repository, some of which libraries import if they are there:

UV_PROJECT_ENVIRONMENT=/tmp/plain uv sync --frozen --no-dev --package meshlens --extra all
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import free_ports

from meshlens.daprkit.client import Client

MIB = 1024 * 1024
SAMPLES = Path(__file__).parents[1] / "services/classify/samples"
# What a process consists of that serves the same by these libraries alone, then with Dapr's SDK.
BARE = {"pca": "import grpc, numpy", "classify": "import ai_edge_litert.interpreter, grpc, numpy"}
WITH_SDK = ", dapr.ext.grpc"
# What a process prints of itself.
_REPORT = """
import sys, time
print(time.process_time(), len(sys.modules), open("/proc/self/statm").read().split()[1])
"""
# Certificates that aiohttp reads when it is imported, and a switch that images do not have.
_LEFT_OUT = {"SSL_CERT_DIR", "SSL_CERT_FILE", "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Body:
    """What the first call sends."""

    method: str
    data: bytes
    content_type: str


FIRST = {
    "pca": Body("plot", b"1,2,3,4,5,6.5,7,8,9,10", "text/csv"),
    "classify": Body("classify", (SAMPLES / "coffee.jpg").read_bytes(), "image/jpeg"),
}


@dataclass(frozen=True)
class Cost:
    """What a process has taken.

    Attributes:
        seconds: until its first answer, or its end.
        cpu: seconds of CPU until then.
        modules: how many are imported, before anything is answered.
        memory: resident, in MiB; of a service when it is idle after that.
    """

    seconds: float
    cpu: float
    modules: float
    memory: float


def environment() -> dict[str, str]:
    """Return this process's environment, as far as an image has it too."""
    return {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}


def import_only(python: str, statement: str) -> Cost:
    """Return what a process takes that imports and exits."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - a constant
        [python, "-c", statement + _REPORT], check=True, capture_output=True, env=environment()
    )
    seconds = time.perf_counter() - began
    cpu, modules, pages = done.stdout.split()
    return Cost(seconds, float(cpu), int(modules), int(pages) * os.sysconf("SC_PAGESIZE") / MIB)


def start(python: str, service: str, port: int) -> Cost:
    """Start a service, and return what that takes."""
    env = environment() | {"EVENTS": "off", "APP_PORT": str(port)}
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - a program of this repository
        [python, "-m", f"meshlens.{service}"], env=env, stderr=subprocess.DEVNULL
    )
    try:
        await_ready(port)
        first = FIRST[service]
        with Client(f"127.0.0.1:{port}") as client:
            client.invoke(service, first.method, first.data, content_type=first.content_type)
        seconds = time.perf_counter() - began
        idle = psutil.Process(process.pid)
        times = idle.cpu_times()
        idle.cpu_percent()
        while idle.cpu_percent(0.5) > 1:
            pass
        memory = idle.memory_info().rss / MIB
    finally:
        process.terminate()
        process.wait()
    modules = import_only(python, f"import meshlens.{service}.server").modules
    return Cost(seconds, times.user + times.system, modules, memory)


def await_ready(port: int) -> None:
    """Return when the service at a port can be called."""
    options = [("grpc.max_reconnect_backoff_ms", 20)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        watched = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True
        )
        for state in watched:
            if state.status == health_pb2.HealthCheckResponse.SERVING:
                watched.cancel()
                return


def show(name: str, costs: Sequence[Cost], bare: Sequence[Cost]) -> None:
    """Print the medians of one process, and its ratios to the bare imports of the same rounds."""
    rows = [(cost.seconds, cost.cpu, cost.modules, cost.memory) for cost in costs]
    seconds, cpu, modules, memory = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    pairs = list(zip(costs, bare, strict=True))
    more_cpu = statistics.median(cost.cpu / base.cpu for cost, base in pairs)
    more_memory = statistics.median(cost.memory / base.memory for cost, base in pairs)
    print(
        f"{name:22} {seconds:7.2f} {cpu:7.2f} {more_cpu:6.2f} {modules:8.0f}"
        f" {memory:7.1f} {more_memory:6.2f}"
    )


def measure(python: str, service: str, rounds: int) -> Mapping[str, Sequence[Cost]]:
    """Return what bare imports, those with Dapr's SDK, and the service take, in this order."""
    ports, statement = free_ports(), BARE[service]
    costs: Mapping[str, list[Cost]] = {
        f"{service}: bare imports": [],
        f"{service}: with the SDK": [],
        service: [],
    }
    bare, with_sdk, served = costs.values()
    for _ in range(rounds):
        bare.append(import_only(python, statement))
        with_sdk.append(import_only(python, statement + WITH_SDK))
        served.append(start(python, service, next(ports)))
    return costs


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--python", default=sys.executable, help="of the services")
    options = arguments.parse_args()
    print(f"\n{'':22} {'first s':>7} {'CPU s':>7} {'ratio':>6} modules {'MiB':>8} {'ratio':>6}")
    for service in BARE:
        costs = measure(options.python, service, options.rounds)
        for name, each in costs.items():
            show(name, each, next(iter(costs.values())))


if __name__ == "__main__":
    main()
