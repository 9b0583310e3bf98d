"""Metrics: calls and their seconds, for Prometheus."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_UNKNOWN = "unknown"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Call:
    """One call, and what is known of it when it ends.

    Attributes:
        method: name of the method, once it is known.
        started: when the call came, as `time.perf_counter` counts.
    """

    method: str = _UNKNOWN
    started: float = field(default_factory=time.perf_counter)


class Metrics:
    """Counts calls and their seconds by method and status code.

    Args:
        namespace: prefix of the metrics' names; may be empty.
        admitted: returns how many requests wait for a worker or run now.
        name_code: returns the name of the status code for an error.

    Attributes:
        registry: the metrics that Prometheus reads.
    """

    def __init__(
        self,
        namespace: str,
        *,
        admitted: Callable[[], int],
        name_code: Callable[[Exception], str],
    ) -> None:
        self._name_code = name_code
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "calls",
            "Calls answered, by method and status code.",
            ("method", "code"),
            namespace=namespace,
            registry=self.registry,
        )
        self._seconds = Histogram(
            "call_seconds",
            "Seconds from request to answer, waiting included.",
            ("method",),
            buckets=_SECONDS,
            namespace=namespace,
            registry=self.registry,
        )
        Gauge(
            "admitted",
            "Requests that wait for a worker or run.",
            namespace=namespace,
            registry=self.registry,
        ).set_function(admitted)

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Time one call and count it under the method and code that it ends with."""
        call, code = Call(), "OK"
        try:
            yield call
        except Exception as error:
            code = self._name_code(error)
            raise
        finally:
            self._calls.labels(call.method, code).inc()
            self._seconds.labels(call.method).observe(time.perf_counter() - call.started)

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show a number that the service counts itself; it must never fall.

        Args:
            name: its name, including the namespace.
            text: a description of what it counts.
            read: returns its current value.
        """
        self.registry.register(_Count(name, text, read))

    def serve(self, address: str, port: int) -> None:
        """Serve the metrics to Prometheus on `port`."""
        start_http_server(port, addr=address, registry=self.registry)


@dataclass(frozen=True, slots=True)
class _Count(Collector):
    name: str
    text: str
    read: Callable[[], int]

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self.name, self.text, value=self.read())
