"""Metrics: calls, their seconds and phases, and what else a service shows to Prometheus."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from meshlens.daprkit.telemetry.call import Call
from meshlens.daprkit.telemetry.memory import read_memory
from meshlens.timing import Phase

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WHO = ("method", "protocol", "model", "version")
_PHASES = {
    Phase.QUEUE: "Seconds that calls waited for a worker.",
    Phase.DECODE: "Seconds in which the inputs of calls were read.",
    Phase.COMPUTE: "Seconds in which models ran, or numbers were computed and drawn.",
}

# A name and a version of a model.
Version: TypeAlias = tuple[str, str]
# The values of labels, and a number.
Numbers: TypeAlias = Iterable[tuple[tuple[str, ...], float]]


class _Registry(CollectorRegistry):
    """A registry that is tidied before it is read."""

    def __init__(self, tidy: Callable[[], None]) -> None:
        super().__init__()
        self._tidy = tidy

    def collect(self) -> Iterable[Metric]:
        self._tidy()
        return super().collect()


class Metrics:
    """Counts and times calls by method, protocol, model, version and status code.

    Each label has one of a bounded set of values: a model is one that exists, and its numbers are
    forgotten once it is gone.

    Args:
        namespace: prefix of the metrics' names; may be empty.
        admitted: returns how many requests wait for a worker or run now.
        name_code: returns the name of the status code for an error.

    Attributes:
        name_code: the same.
        namespace: the same.
        registry: the metrics that Prometheus reads.
    """

    def __init__(
        self,
        namespace: str,
        *,
        admitted: Callable[[], int],
        name_code: Callable[[Exception], str],
    ) -> None:
        # When each series began: as many series again, which nobody reads.
        disable_created_metrics()
        self.name_code = name_code
        self.namespace = namespace
        self.registry = _Registry(self._forget_models)
        self._calls = Counter(
            "calls",
            "Calls answered, failures and refusals included.",
            (*_WHO, "code"),
            namespace=namespace,
            registry=self.registry,
        )
        self._seconds = self.time("call_seconds", "Seconds from request to answer.", "code")
        self._phases = {
            phase: self.time(f"call_{phase}_seconds", text) for phase, text in _PHASES.items()
        }
        self._lock = threading.Lock()
        # Looking up a series by its labels takes longer than counting.
        self._known: dict[tuple[str, ...], tuple[Counter, Histogram]] = {}
        self._known_phases: dict[tuple[str, ...], Histogram] = {}
        self._list_models: Callable[[], Collection[Version]] | None = None
        self.gauge("admitted", "Requests that wait for a worker or run.", admitted)

    # Calls

    def time(self, name: str, text: str, *further: str) -> Histogram:
        """Return a histogram of seconds by method, protocol, model, version and further labels."""
        return Histogram(
            name,
            text,
            (*_WHO, *further),
            buckets=SECONDS,
            namespace=self.namespace,
            registry=self.registry,
        )

    def count_call(self, call: Call) -> None:
        """Count a call that has ended, and its seconds."""
        who = (call.method, call.protocol, call.model, call.version)
        ended = (*who, call.code)
        counter, seconds = self._known.get(ended) or self._find(ended)
        counter.inc()
        seconds.observe(call.seconds)
        for phase, elapsed in tuple(call.phases.items()):
            part = (phase, *who)
            (self._known_phases.get(part) or self._find_phase(phase, part)).observe(elapsed)

    def _find(self, ended: tuple[str, ...]) -> tuple[Counter, Histogram]:
        with self._lock:
            found = self._calls.labels(*ended), self._seconds.labels(*ended)
            self._known[ended] = found
            return found

    def _find_phase(self, phase: Phase, part: tuple[str, ...]) -> Histogram:
        with self._lock:
            found = self._known_phases[part] = self._phases[phase].labels(*part[1:])
            return found

    def know_models(self, listed: Callable[[], Collection[Version]]) -> None:
        """Show numbers of the versions of models in a list only, from now on.

        Args:
            listed: returns the versions that exist.
        """
        self._list_models = listed

    def _forget_models(self) -> None:
        if self._list_models is None:
            return
        there = {*self._list_models(), ("", "")}
        with self._lock:
            for ended in [it for it in self._known if it[2:4] not in there]:
                del self._known[ended]
                self._calls.remove(*ended)
                self._seconds.remove(*ended)
            for part in [it for it in self._known_phases if it[3:5] not in there]:
                del self._known_phases[part]
                self._phases[Phase(part[0])].remove(*part[1:])

    # What else there is

    def name(self, short: str) -> str:
        """Return a name with the namespace."""
        return f"{self.namespace}_{short}" if self.namespace else short

    def show_process(self, service: str, distribution: str) -> None:
        """Show the process, its Python and its memory, and which version of a service it is.

        Args:
            service: its name.
            distribution: the package that it is of; empty for none.
        """
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = {"service": service, "version": version(distribution) if distribution else ""}
        Info("build", "What runs.", namespace=self.namespace, registry=self.registry).info(build)
        self.gauge_by(
            "memory_bytes",
            "Memory of the container that the kernel cannot drop.",
            (),
            lambda: _show_known(read_memory().used),
        )
        self.gauge_by(
            "memory_limit_bytes",
            "What that may grow to.",
            (),
            lambda: _show_known(read_memory().limit),
        )

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show a number that the service counts itself; it must never fall.

        Args:
            name: its name, without the namespace.
            text: a description of what it counts.
            read: returns its current value.
        """
        self.count_by(name, text, (), lambda: [((), read())])

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that rises and falls, under its name without the namespace."""
        self.gauge_by(name, text, (), lambda: [((), read())])

    def count_by(
        self, name: str, text: str, labels: tuple[str, ...], read: Callable[[], Numbers]
    ) -> None:
        """Show numbers that the service counts itself, by labels of few values."""
        self._show(CounterMetricFamily, name, text, labels, read)

    def gauge_by(
        self, name: str, text: str, labels: tuple[str, ...], read: Callable[[], Numbers]
    ) -> None:
        """Show numbers that rise and fall, by labels of few values."""
        self._show(GaugeMetricFamily, name, text, labels, read)

    def _show(
        self,
        family: "type[CounterMetricFamily | GaugeMetricFamily]",
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[], Numbers],
    ) -> None:
        self.registry.register(_Numbers(family, self.name(name), text, labels, read))

    def serve(self, address: str, port: int) -> None:
        """Serve the metrics to Prometheus on `port`."""
        start_http_server(port, addr=address, registry=self.registry)


@dataclass(frozen=True, slots=True)
class _Numbers(Collector):
    family: type[CounterMetricFamily | GaugeMetricFamily]
    name: str
    text: str
    labels: tuple[str, ...]
    read: Callable[[], Numbers]

    def describe(self) -> Iterable[Metric]:
        """Return what it shows; what it counts need not be there yet."""
        return [self.family(self.name, self.text, labels=self.labels)]

    def collect(self) -> Iterator[Metric]:
        shown = self.family(self.name, self.text, labels=self.labels)
        for values, number in self.read():
            shown.add_metric(values, number)
        yield shown


def _show_known(number: int | None) -> Numbers:
    return [] if number is None else [((), number)]
