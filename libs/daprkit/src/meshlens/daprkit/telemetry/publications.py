"""Spans of the publication of events, each in the trace of the request that it tells of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace

from meshlens.daprkit.telemetry.traces import Spans

# Headers by which a trace is handed on.
Headers = Mapping[str, str]


class Publications:
    """Makes the spans of tries to publish.

    Args:
        spans: creates them; None to create none.
        topic: of the events.
    """

    def __init__(self, spans: Spans | None, topic: str) -> None:
        self._tracer = spans.provider.get_tracer(__name__) if spans else None
        self._name = f"publish {topic}"

    @contextmanager
    def follow(self, traces: Sequence[Headers]) -> Iterator[Sequence[Headers]]:
        """Make a span for each event that is published in this context.

        Args:
            traces: of the requests that the events tell of.

        Yields:
            the headers by which the sidecar's spans become parts of these.
        """
        if self._tracer is None:
            yield traces
            return
        spans = [
            self._tracer.start_span(
                self._name, propagate.extract(headers), kind=trace.SpanKind.PRODUCER
            )
            for headers in traces
        ]
        try:
            yield [_hand_on(span) for span in spans]
        except Exception as error:
            for span in spans:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            for span in spans:
                span.end()


def _hand_on(span: trace.Span) -> Headers:
    headers: dict[str, str] = {}
    propagate.inject(headers, trace.set_span_in_context(span))
    return headers
