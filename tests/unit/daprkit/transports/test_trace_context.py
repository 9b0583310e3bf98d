"""The trace of a call's headers is current while it is answered, and no longer."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from meshlens.daprkit.telemetry.traces import Spans
from meshlens.daprkit.transports.trace_context import follow_trace

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-tag": "7"}
SPANS = Spans(TracerProvider(), lambda: None)


def current() -> str:
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


@pytest.mark.parametrize("spans", [None, SPANS])
def test_the_callers_trace_is_current_for_the_call_alone(spans: Spans | None) -> None:
    before = current()
    with follow_trace(HEADERS, spans, name="POST /work"):
        assert current() == TRACE
        assert trace.get_current_span().is_recording() == (spans is not None)
    assert current() == before


def test_without_a_trace_there_is_none_or_a_new_one() -> None:
    with follow_trace({}, None, name="POST /work"):
        assert current() == "0" * 32
    with follow_trace({"traceparent": "nonsense"}, SPANS, name="POST /work"):
        assert current() not in {TRACE, "0" * 32}
