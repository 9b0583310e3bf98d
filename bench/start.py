"""Cold start and idle memory of each service, relative to importing its dependencies."""

import argparse
import os
import statistics
import subprocess
import sys
import time

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import free_ports

MIB = 1024 * 1024
# The imports that every Dapr app over gRPC needs.
FLOOR = {"pca": "import dapr.ext.grpc, numpy", "classify": "import dapr.ext.grpc, numpy, PIL.Image"}


def start(service: str, port: int) -> tuple[float, float]:
    """Start a service; return the seconds until it serves and its idle memory in MiB."""
    env = os.environ | {"EVENTS": "off", "APP_PORT": str(port)}
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - a program of this repository
        [sys.executable, "-m", f"meshlens.{service}"], env=env, stderr=subprocess.DEVNULL
    )
    try:
        with grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_reconnect_backoff_ms", 20)]
        ) as channel:
            health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True
            )
        seconds = time.perf_counter() - began
        idle = psutil.Process(process.pid)
        idle.cpu_percent()
        while idle.cpu_percent(0.5) > 1:
            pass
        return seconds, idle.memory_info().rss / MIB
    finally:
        process.terminate()
        process.wait()


def imports(statement: str) -> float:
    """Return the seconds that a Python process takes to import and exit."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - a constant
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    ports = free_ports()
    print(f"\n{'service':10} {'start s':>8} {'imports s':>10} {'ratio':>6} {'idle MiB':>9}")
    for service, statement in FLOOR.items():
        started, idle, floor = [], [], []
        for _ in range(options.rounds):
            seconds, memory = start(service, next(ports))
            started.append(seconds)
            idle.append(memory)
            floor.append(imports(statement))
        ratio = statistics.median(started) / statistics.median(floor)
        print(
            f"{service:10} {statistics.median(started):8.2f} {statistics.median(floor):10.2f}"
            f" {ratio:6.2f} {statistics.median(idle):9.1f}"
        )


if __name__ == "__main__":
    main()
