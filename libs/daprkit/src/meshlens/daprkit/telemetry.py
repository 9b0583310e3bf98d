"""Logs, traces and metrics, each in its field's usual form: JSON lines, OTLP, Prometheus."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import structlog
from opentelemetry import context, propagate, trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

# A handler of whatever messages, if there is one: interceptors never look inside.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

_UNKNOWN = "unknown"
_TRACE_HEADERS = frozenset({"traceparent", "tracestate", "baggage"})
# `dapr run` stops reading an app's output at a line of 64 KiB.
_LONGEST_VALUE = 16 * 1024
SECONDS_FOR_LAST_SPANS = 5.0
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def configure_logs(service: str, level: str) -> None:
    """Write every log line as JSON to stderr, those of libraries too, with the trace id."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _name_service(service),
                _shorten,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)


@dataclass(frozen=True, slots=True)
class Traces:
    """What takes over the trace context of each call, and hands over the last spans."""

    interceptor: grpc.ServerInterceptor
    close: Callable[[], None]


def configure_traces(service: str) -> Traces:
    """Export spans by OTLP if the standard OTEL_* variables name where to; else make none."""
    if not (
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return Traces(RemoteTrace(), lambda: None)
    # A quarter of a second and some megabytes that replicas without a collector never need.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter,
    )
    from opentelemetry.instrumentation.grpc import (  # noqa: PLC0415 - see above
        filters,
        server_interceptor,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    resource = Resource.create({"service.name": service})
    exporter, provider = OTLPSpanExporter(), TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    interceptor: grpc.ServerInterceptor = server_interceptor(
        tracer_provider=provider, filter_=filters.negate(filters.health_check())
    )

    def close() -> None:
        # Left alone, a collector that does not answer would hold up the end for 30 s.
        limit = threading.Timer(SECONDS_FOR_LAST_SPANS, exporter.shutdown)
        limit.start()
        provider.shutdown()
        limit.cancel()

    return Traces(interceptor, close)


class RemoteTrace(grpc.ServerInterceptor):
    """Makes the caller's trace context current, so that logs and events carry it.

    The instrumentation does the same and makes a span, which costs a fifth of an empty call.
    """

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the handler of a unary call that carries a trace context."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        carrier = {
            key: value
            for key, value in handler_call_details.invocation_metadata
            if key in _TRACE_HEADERS
        }
        if not carrier:
            return handler
        behaviour = handler.unary_unary
        remote = propagate.extract(carrier)

        def answer(request: Any, call: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            token = context.attach(remote)
            try:
                return behaviour(request, call)
            finally:
                context.detach(token)

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )


@dataclass(slots=True)
class Call:
    """What is known of a call when it ends."""

    method: str = _UNKNOWN
    code: str = "OK"


class Metrics:
    """Counts calls and their seconds by method and status code.

    Args:
        admitted: how many requests hold a place in the queue now.
    """

    def __init__(self, admitted: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "meshlens_calls",
            "Calls answered, by method and status code.",
            ("method", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "meshlens_call_seconds",
            "Seconds from request to answer, waiting included.",
            ("method",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        Gauge(
            "meshlens_admitted",
            "Requests that wait for a worker or run.",
            registry=self._registry,
        ).set_function(admitted)

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Time one call and count it under the method and code that it ends with."""
        call = Call()
        started = time.perf_counter()
        try:
            yield call
        finally:
            self._calls.labels(call.method, call.code).inc()
            self._seconds.labels(call.method).observe(time.perf_counter() - started)

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show a number that the service counts itself; it must never fall."""
        self._registry.register(_Count(name, text, read))

    def serve(self, address: str, port: int) -> None:
        """Answer Prometheus on `port`."""
        start_http_server(port, addr=address, registry=self._registry)


@dataclass(frozen=True, slots=True)
class _Count(Collector):
    name: str
    text: str
    read: Callable[[], int]

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self.name, self.text, value=self.read())


def _add_trace(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def _name_service(service: str) -> structlog.typing.Processor:
    def add(
        _logger: object, _name: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return add


def _shorten(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            event[key] = value[:_LONGEST_VALUE] + "..."
    return event
