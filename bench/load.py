"""Closed-loop load on ways into services, in turn, and a table that compares them."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf import any_pb2

from meshlens.daprkit.client import Client

# A call that one caller at a time repeats.
Call = Callable[[], object]
# A way by its name, and how many callers it has at once.
Case = tuple[str, int]


@dataclass(frozen=True)
class Body:
    """The request that every call of a benchmark sends."""

    app: str
    method: str
    data: bytes
    content_type: str


@dataclass
class Samples:
    """The results of one way at one concurrency, over all rounds.

    Attributes:
        rates: calls per second, of each round.
        ratios: each of them relative to the reference in the same round.
        seconds: of every call.
        spent: what the meters counted meanwhile, in all.
    """

    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)

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
def by_invoke_service(port: int, body: Body) -> Iterator[Call]:
    """Call through InvokeService of a sidecar's gRPC API."""
    method, _, query = body.method.partition("?")
    message = common_v1.InvokeRequest(
        method=method,
        data=any_pb2.Any(value=body.data),
        content_type=body.content_type,
        http_extension=common_v1.HTTPExtension(
            verb=common_v1.HTTPExtension.POST, querystring=query
        ),
    )
    request = api_v1.InvokeServiceRequest(id=body.app, message=message)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = api_service_v1.DaprStub(channel)
        yield lambda: stub.InvokeService(request)


@contextmanager
def by_message(port: int, method: str, message: bytes) -> Iterator[Callable[[], bytes]]:
    """Call a method of a gRPC service at its own port."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        yield lambda: call(message)


@contextmanager
def by_path(
    port: int, path: str, data: bytes, headers: Mapping[str, str]
) -> Iterator[Callable[[], tuple[Mapping[str, str], bytes]]]:
    """Call by HTTP, with one connection per thread; the call returns headers and body."""
    local = threading.local()

    def call() -> tuple[Mapping[str, str], bytes]:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port)
        local.connection.request("POST", path, data, dict(headers))
        response = local.connection.getresponse()
        text = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{path} answered {response.status}: {text[:200]!r}")
        return {name.lower(): value for name, value in response.getheaders()}, text

    yield call


@contextmanager
def by_http(port: int, body: Body) -> Iterator[Call]:
    """Call through a sidecar's HTTP API."""
    path = f"/v1.0/invoke/{body.app}/method/{body.method}"
    with by_path(port, path, body.data, {"content-type": body.content_type}) as call:
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


def count_nothing(_: str) -> Sequence[float]:
    """Return what no meter counts."""
    return ()


def take_turns(
    cases: Mapping[Case, Call],
    reference: tuple[Call, Case],
    *,
    rounds: int,
    seconds: float,
    meters: Callable[[str], Sequence[float]] = count_nothing,
) -> tuple[Samples, dict[Case, Samples]]:
    """Run the reference and every case in turn, after a short warm-up.

    Args:
        cases: the calls to measure, by way and callers.
        reference: what they are set against, with its name and callers.
        rounds: how often everything is done.
        seconds: how long each of them is driven in a round.
        meters: what has been counted so far for the way of a name, such as seconds of CPU.

    Returns:
        The samples of the reference, and of each case.
    """
    bare, (name, bare_callers) = reference
    samples = {case: Samples() for case in cases}
    ground = Samples()

    def add(way: str, call: Call, callers: int, into: Samples) -> None:
        before = meters(way)
        rate, taken = drive(call, callers, seconds)
        spent = [now - then for now, then in zip(meters(way), before, strict=True)]
        into.rates.append(rate)
        into.seconds.extend(taken)
        into.spent = [sum(it) for it in zip(into.spent or [0.0] * len(spent), spent, strict=True)]

    for call in {id(it): it for it in (bare, *cases.values())}.values():
        drive(call, 2, 0.3)
    for _ in range(rounds):
        add(name, bare, bare_callers, ground)
        ground.ratios.append(1.0)
        for (way, callers), sample in samples.items():
            add(way, cases[way, callers], callers, sample)
            sample.ratios.append(sample.rates[-1] / ground.rates[-1])
    return ground, samples


def compare(
    ways: Mapping[str, Call],
    *,
    concurrencies: Sequence[int],
    reference: tuple[str, Call, int],
    rounds: int,
    seconds: float,
) -> None:
    """Run every way at every concurrency, with the reference in each round, and print the table.

    Args:
        ways: the calls to measure, by name.
        concurrencies: how many callers each way gets in turn.
        reference: name, call and callers of what the ways are set against.
        rounds: how often everything is done; figures are medians over them.
        seconds: how long each way is driven in a round.
    """
    name, bare, bare_callers = reference
    cases = {(way, callers): call for callers in concurrencies for way, call in ways.items()}
    ground, samples = take_turns(
        cases, (bare, (name, bare_callers)), rounds=rounds, seconds=seconds
    )
    print(f"{'way':24} {'c':>3} {'per s':>8} {'ratio':>6} {'p50 ms':>8} {'p99 ms':>8}")
    rows = [((name, bare_callers), ground), *samples.items()]
    for (way, callers), sample in rows:
        print(
            f"{way:24} {callers:3} {sample.rate:8.1f} {statistics.median(sample.ratios):6.2f}"
            f" {sample.quantile(0.5):8.2f} {sample.quantile(0.99):8.2f}"
        )
