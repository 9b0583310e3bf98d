"""One line for a request: which have one, and what is in it."""

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from structlog.testing import capture_logs

from meshlens.daprkit.errors import Busy, EventNotConfirmed, InvalidRequest
from meshlens.daprkit.telemetry.calls import Calls
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.request_log import MOST_AT_ONCE, RequestLog
from meshlens.timing import Phase, note

SECRET = "4111-1111"


def name_code(error: Exception) -> str:
    return "UNAVAILABLE" if isinstance(error, EventNotConfirmed) else "INVALID_ARGUMENT"


def make_calls(log: RequestLog | None) -> Calls:
    return Calls(Metrics("", admitted=int, name_code=name_code), log)


def test_a_line_says_who_called_what_and_how_long_it_took() -> None:
    calls = make_calls(RequestLog.of("all"))
    with capture_logs() as lines, calls.watch("invoke", "shop", 123) as call:
        call.method = "classify"
        call.use("digits", "2")
        call.begin(call.started)
        with note(Phase.COMPUTE):
            call.answer_size = 7
    (line,) = lines
    assert line.pop("total_ms") >= line.pop("queue_ms") >= 0.0
    assert line.pop("compute_ms") >= 0.0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "classify",
        "protocol": "invoke",
        "caller": "shop",
        "model": "digits",
        "version": "2",
        "code": "OK",
        "bytes_in": 123,
        "bytes_out": 7,
    }


@pytest.mark.parametrize(
    ("error", "reason", "level"),
    [
        (InvalidRequest("no", got=SECRET), "INVALID_REQUEST", "info"),
        (EventNotConfirmed("no", got=SECRET), "EVENT_NOT_CONFIRMED", "warning"),
        (ValueError(SECRET), "", "info"),
    ],
)
def test_a_failure_has_its_kind_and_no_word_of_the_request(
    error: Exception, reason: str, level: str
) -> None:
    calls = make_calls(RequestLog.of("failures"))
    with capture_logs() as lines:
        with calls.watch("invoke"):
            pass
        with pytest.raises(type(error)), calls.watch("invoke", "c" * 1000):
            raise error
    (line,) = lines
    assert (line.get("reason", ""), line["log_level"]) == (reason, level)
    assert SECRET not in str(line)
    assert len(line["caller"]) == 100


def test_a_flood_of_failures_has_few_lines_and_says_how_many_it_left_out() -> None:
    now = 0.0
    log = RequestLog(0.0, bounds_failures=True, clock=lambda: now)
    calls = make_calls(log)
    with capture_logs() as lines:
        for _ in range(MOST_AT_ONCE + 40):
            calls.refuse("invoke", Busy(1, 0.1))
        assert len(lines) == MOST_AT_ONCE
        now = 2.0
        for _ in range(10):
            calls.refuse("invoke", Busy(1, 0.1))
    assert len(lines) == MOST_AT_ONCE + 2
    assert [line["left_out"] for line in lines if "left_out" in line] == [40]


def test_all_has_a_line_for_each_and_off_none() -> None:
    for setting, expected in (("all", 200), ("off", 0)):
        calls = make_calls(RequestLog.of(setting))
        with capture_logs() as lines:
            for _ in range(200):
                calls.refuse("invoke", Busy(1, 0.1))
        assert len(lines) == expected


def test_a_share_chooses_whole_traces() -> None:
    calls = make_calls(RequestLog.of("0.25"))
    with capture_logs() as lines:
        for part in range(8):
            context = SpanContext(part << 61 | 1, 1, is_remote=True, trace_flags=TraceFlags(1))
            for _ in range(2):
                with use_span(NonRecordingSpan(context)), calls.watch("invoke"):
                    assert trace.get_current_span().get_span_context().is_valid
    assert len(lines) == 4
