"""Overload: what the service keeps when more is wanted of it than it can do.

    uv run --frozen python bench/overload.py [--slow FOLDER] [--picture FILE] [--seconds 8]

Classify with two workers, called at its own port, in the order: one caller alone, as many as there
are workers (what it can do), then twice and ten times that, a light caller beside a greedy one, a
quick model beside a slow one, and a burst. Each row has its own reference of the same minute. The
load and the service share the machine's cores, so that ratios say more than milliseconds.
Writes build/reliability/overload.json.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2, empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshlens.classify.models import shipped_models

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "build/reliability/overload.json"
PICTURE = ROOT / "services/classify/samples/digit-7.png"
WORKERS = 2
# Callers at once in an open loop: more than can be admitted, fewer than would be a load themselves.
CALLERS = 40
TEXT = """\
Classify with two workers, called at its own port by programs on the same two cores, so that ratios
say more than milliseconds (`bench/overload.py`). Each share has its own reference, of the same
minute: what as many callers as workers got, or what the light ones asked for."""
COLUMNS = ["case", "offered", "answered", "share", "p50", "p99", "refused in, p99", "other codes"]
Row = list[str]


@dataclass
class Seen:
    """What has become of the calls."""

    seconds: float
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Number of calls."""
        return len(self.answered) + len(self.refused) + len(self.others)

    @property
    def rate(self) -> float:
        """Calls answered per second."""
        return len(self.answered) / self.seconds


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of seconds, in milliseconds."""
    return sorted(values)[int(share * (len(values) - 1))] * 1000 if values else float("nan")


class Service:
    """Classify in a process of its own, with events off."""

    def __init__(self, admission: str, models: Path, default: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
        self._environment = {
            **os.environ,
            "APP_PORT": str(self.port),
            "EVENTS": "off",
            "WORKERS": str(WORKERS),
            "ADMISSION": admission,
            "MODELS": str(models),
            "DEFAULT_MODEL": default,
            "LOG_LEVEL": "ERROR",
        }

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meshlens.classify"], env=self._environment
        )
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True).status != 1:
                time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    @property
    def memory(self) -> float:
        """MiB that it has now."""
        text = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if "VmRSS" in line) / 1024


class Caller:
    """Calls one model under the name of an app."""

    def __init__(self, port: int, model: str, app: str, body: bytes) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._stub = appcallback_service_v1.AppCallbackStub(self._channel)
        self._metadata = (("dapr-caller-app-id", app),)
        self._message = common_v1.InvokeRequest(
            method=f"classify?model={model}",
            data=any_pb2.Any(value=body),
            content_type="image/jpeg" if body[:2] == b"\xff\xd8" else "image/png",
        )

    def call(self, seen: Seen) -> None:
        """Call once."""
        began = time.perf_counter()
        try:
            self._stub.OnInvoke(self._message, metadata=self._metadata, timeout=30)
        except grpc.RpcError as error:
            code = error.code().name
            if code == "RESOURCE_EXHAUSTED":
                seen.refused.append(time.perf_counter() - began)
            else:
                seen.others.append(code)
        else:
            seen.answered.append(time.perf_counter() - began)

    def repeat(self, callers: int, seconds: float) -> Seen:
        """Call from so many threads, each one call after the other."""
        seen = Seen(seconds)
        end = time.perf_counter() + seconds

        def run() -> None:
            while time.perf_counter() < end:
                self.call(seen)

        with ThreadPoolExecutor(callers) as pool:
            for _ in range(callers):
                pool.submit(run)
        return seen

    def offer(self, rate: float, seconds: float, callers: int = CALLERS) -> Seen:
        """Call at a rate, whether answered or not, as far as the threads suffice."""
        seen = Seen(seconds)
        lock, begin = threading.Lock(), time.perf_counter()
        due = begin

        def run() -> None:
            nonlocal due
            while True:
                with lock:
                    mine, due = due, due + 1 / rate
                if max(mine, time.perf_counter()) > begin + seconds:
                    return
                time.sleep(max(0.0, mine - time.perf_counter()))
                self.call(seen)

        with ThreadPoolExecutor(callers) as pool:
            for _ in range(callers):
                pool.submit(run)
        return seen


@contextmanager
def checking_health(port: int) -> Iterator[list[float]]:
    """Check health by both services all the time; the seconds of each check."""
    taken: list[float] = []
    end = threading.Event()

    def run() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            dapr = appcallback_service_v1.AppCallbackHealthCheckStub(channel)
            health = health_pb2_grpc.HealthStub(channel)
            while not end.wait(0.05):
                began = time.perf_counter()
                dapr.HealthCheck(empty_pb2.Empty(), timeout=10)
                between = time.perf_counter()
                health.Check(health_pb2.HealthCheckRequest(), timeout=10)
                taken.extend((between - began, time.perf_counter() - between))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield taken
    finally:
        end.set()
        thread.join()


def describe(case: str, seen: Seen, *, of: float) -> Row:
    """Return the row of a case; `of` is the rate that its share is measured against."""
    return [
        case,
        f"{seen.sent / seen.seconds:.1f}/s",
        f"{seen.rate:.1f}/s",
        f"{seen.rate / of:.0%}",
        f"{quantile(seen.answered, 0.5):.0f} ms",
        f"{quantile(seen.answered, 0.99):.0f} ms",
        f"{quantile(seen.refused, 0.99):.0f} ms" if seen.refused else "-",
        ", ".join(sorted(set(seen.others))) or "-",
    ]


def measure(service: Service, slow: str, quick: str, body: bytes, seconds: float) -> list[Row]:
    """Return the rows of one service."""
    greedy = Caller(service.port, slow, "greedy", body)
    light = Caller(service.port, slow, "light", body)
    other = Caller(service.port, quick, "greedy", body)
    for caller in (greedy, other):
        caller.repeat(2, 1.0)
    before = service.memory
    with checking_health(service.port) as idle:
        time.sleep(2.0)
    rows: list[Row] = []
    for times in (2, 10):
        alone = greedy.repeat(1, seconds / 2)
        able = greedy.repeat(WORKERS, seconds / 2)
        if times == 2:  # noqa: PLR2004 - the first
            rows += [
                describe("one caller alone", alone, of=able.rate),
                describe(f"{WORKERS} callers: what it can do", able, of=able.rate),
            ]
        with checking_health(service.port) as health:
            seen = greedy.offer(times * able.rate, seconds)
        row = describe(f"{times} times that; share of what it can do", seen, of=able.rate)
        ratio = quantile(seen.answered, 0.99) / quantile(alone.answered, 0.99)
        row[5] += f" ({ratio:.1f} x alone)"
        late = sum(one > 0.05 for one in health) / len(health)  # noqa: PLR2004 - 50 ms
        rows += [
            row,
            [
                "health meanwhile; idle before",
                "-",
                f"{len(health)} checks",
                f"{late:.0%} over 50 ms",
                f"{quantile(health, 0.5):.0f} ms; {quantile(idle, 0.5):.0f} ms",
                f"{quantile(health, 0.99):.0f} ms; {quantile(idle, 0.99):.0f} ms",
                "-",
                "-",
            ],
        ]
    able = greedy.repeat(WORKERS, seconds / 2)
    tenth = able.rate / 10
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(greedy.offer, 4 * able.rate, seconds)
        seen = light.offer(tenth, seconds, 8)
        flood.result()
    rows.append(describe("light caller beside 4 times; share of its demand", seen, of=tenth))
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(greedy.offer, 4 * able.rate, seconds)
        seen = other.offer(5.0, seconds, 8)
        flood.result()
    rows.append(describe("quick model beside 4 times; share of its demand", seen, of=5.0))
    time.sleep(2.0)
    burst = Seen(1.0)
    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.submit(greedy.call, burst)
    rows.append(describe("burst of 16 after a pause; share answered", burst, of=16.0))
    rows.append(["memory, MiB", "-", f"{before:.0f} to {service.memory:.0f}", *["-"] * 5])
    return rows


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slow", type=Path, help="folder of a slow model; else digits serves")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--admission", choices=["fixed", "adaptive"], action="append")
    parser.add_argument("--seconds", type=float, default=8.0)
    given = parser.parse_args()
    body = given.picture.read_bytes()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        shutil.copytree(shipped_models() / "digits", models / "digits")
        slow = given.slow.name if given.slow else "digits"
        if given.slow:
            shutil.copytree(given.slow, models / slow)
        for admission in given.admission or ["fixed", "adaptive"]:
            with Service(admission, models, slow) as service:
                measured = measure(service, slow, "digits", body, given.seconds)
            rows += [[f"{admission}: {row[0]}", *row[1:]] for row in measured]
    title = f"Load held and refused: model {slow}"
    piece = {
        "title": title,
        "text": TEXT,
        "rows": [dict(zip(COLUMNS, row, strict=True)) for row in rows],
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(piece, indent=1))
    widths = [max(len(row[at]) for row in [COLUMNS, *rows]) for at in range(len(COLUMNS))]
    print(title)
    for row in [COLUMNS, *rows]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
