"""Traces: spans by OTLP, if the standard OTEL_* variables name a collector."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry import trace

SECONDS_FOR_LAST_SPANS = 5.0


@dataclass(frozen=True, slots=True)
class Spans:
    """Creates and exports spans.

    Attributes:
        provider: creates them.
        close: exports the last ones.
    """

    provider: trace.TracerProvider
    close: Callable[[], None]


def export_spans(service: str) -> Spans | None:
    """Export spans if an endpoint is set, under OTEL_SERVICE_NAME or else `service`."""
    if not (
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return None
    # Imported here: replicas without a collector save 0.25 s and some megabytes.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import (  # noqa: PLC0415 - see above
        OTELResourceDetector,
        Resource,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    # Attributes given to `create` win over the environment's, so that one is merged again.
    resource = Resource.create({"service.name": service}).merge(OTELResourceDetector().detect())
    exporter, provider = OTLPSpanExporter(), TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def close() -> None:
        # Without this, a collector that does not answer would delay shutdown by 30 s.
        limit = threading.Timer(SECONDS_FOR_LAST_SPANS, exporter.shutdown)
        limit.start()
        provider.shutdown()
        limit.cancel()

    return Spans(provider, close)
