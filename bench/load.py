"""Closed-loop load on one way into a service, and a table that compares ways to a reference."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from meshlens.daprkit.client import Client

# A call that one caller at a time repeats.
Call = Callable[[], object]


@dataclass(frozen=True)
class Body:
    """The request that every call of a benchmark sends."""

    app: str
    method: str
    data: bytes
    content_type: str


@dataclass
class Samples:
    """The results of one way at one concurrency, over all rounds."""

    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median of the calls per second."""
        return statistics.median(self.rates)

    def quantile(self, share: float) -> float:
        """Return the quantile `share` of the calls' durations, in milliseconds."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000


@contextmanager
def by_grpc(port: int, body: Body) -> Iterator[Call]:
    """Call through a gRPC port: the app's own, or a sidecar's, which proxies."""
    with Client(f"127.0.0.1:{port}") as client:
        yield lambda: client.invoke(
            body.app, body.method, body.data, content_type=body.content_type
        )


@contextmanager
def by_http(port: int, body: Body) -> Iterator[Call]:
    """Call through a sidecar's HTTP API, with one connection per thread."""
    local = threading.local()
    path = f"/v1.0/invoke/{body.app}/method/{body.method}"

    def call() -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port)
        local.connection.request("POST", path, body.data, {"content-type": body.content_type})
        response = local.connection.getresponse()
        text = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{path} answered {response.status}: {text[:200]!r}")

    yield call


def drive(call: Call, callers: int, seconds: float) -> tuple[float, list[float]]:
    """Call from `callers` threads for `seconds`; return calls per second, and all durations."""
    begin = time.perf_counter()
    end = begin + seconds

    def repeat() -> list[float]:
        taken = []
        while (started := time.perf_counter()) < end:
            call()
            taken.append(time.perf_counter() - started)
        return taken

    with ThreadPoolExecutor(callers) as pool:
        runs = [pool.submit(repeat) for _ in range(callers)]
        taken = [one for run in runs for one in run.result()]
    return len(taken) / (time.perf_counter() - begin), taken


def compare(
    ways: dict[str, Call],
    *,
    concurrencies: Sequence[int],
    reference: tuple[str, Call, int],
    rounds: int,
    seconds: float,
) -> None:
    """Run every way at every concurrency, with the reference in between, and print the table.

    Args:
        ways: the calls to measure, by name.
        concurrencies: how many callers each way gets in turn.
        reference: name, call and callers of what the ways are set against.
        rounds: how often everything is done; figures are medians over them.
        seconds: how long each way is driven in a round.
    """
    name, bare, bare_callers = reference
    samples = {(way, callers): Samples() for callers in concurrencies for way in ways}
    ground = Samples()
    for call in (bare, *ways.values()):
        drive(call, 2, 0.3)
    for _ in range(rounds):
        for (way, callers), sample in samples.items():
            rate, taken = drive(ways[way], callers, seconds)
            sample.rates.append(rate)
            sample.seconds.extend(taken)
        rate, taken = drive(bare, bare_callers, seconds)
        ground.rates.append(rate)
        ground.seconds.extend(taken)
    print(f"{'way':24} {'c':>3} {'per s':>8} {'ratio':>6} {'p50 ms':>8} {'p99 ms':>8}")
    rows = [((name, bare_callers), ground), *samples.items()]
    for (way, callers), sample in rows:
        print(
            f"{way:24} {callers:3} {sample.rate:8.1f} {sample.rate / ground.rate:6.2f}"
            f" {sample.quantile(0.5):8.2f} {sample.quantile(0.99):8.2f}"
        )
