"""A collector of spans by OTLP."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class Span:
    """A span as it came; ids in hexadecimal."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans by OTLP, and keeps them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spans: list[Span] = []
        self.address = ""

    def Export(  # noqa: N802 - the protocol's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, _: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        with self._lock:
            for resource in request.resource_spans:
                about = {it.key: it.value.string_value for it in resource.resource.attributes}
                self._spans += [
                    Span(
                        about.get("service.name", ""),
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        {it.key: it.value.string_value for it in span.attributes},
                    )
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace: str = "") -> list[Span]:
        """The spans of a trace that have come so far; of all if it is empty."""
        with self._lock:
            return [span for span in self._spans if trace in ("", span.trace)]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of this host."""
    server, collector = grpc.server(futures.ThreadPoolExecutor(4)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    collector.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()
