"""One line of the log for a request: what became of it, and never a word of it."""

import random
import threading
import time
from collections.abc import Callable

import structlog
from opentelemetry import trace

from meshlens.daprkit.telemetry.call import Call
from meshlens.timing import Phase

# Failures: so many at once, and then so many a second. With 500 bytes a line that is 43 MB a day.
MOST_AT_ONCE = 60
MOST_A_SECOND = 1.0

# What a caller can do nothing about.
_OURS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_LONGEST_CALLER = 100

_log = structlog.get_logger(__name__)


class RequestLog:
    """Writes the lines of some requests.

    Args:
        share: of the requests that succeed, 0 to 1. Those of one trace have a line each or none,
            in every service.
        bounds_failures: whether the lines of failures are bounded; else each has one.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        share: float,
        *,
        bounds_failures: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._bounds_failures = bounds_failures
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(MOST_AT_ONCE)
        self._filled = clock()
        self._left_out = 0

    @classmethod
    def of(cls, setting: str) -> "RequestLog | None":
        """Return what REQUEST_LOG names: off, failures, all, or failures and a share."""
        match setting:
            case "off":
                return None
            case "all":
                return cls(1.0, bounds_failures=False)
            case "failures":
                return cls(0.0, bounds_failures=True)
            case share:
                return cls(float(share), bounds_failures=True)

    def note(self, call: Call) -> None:
        """Write the line of a call that has ended, in its trace, if it is one of those."""
        if call.code == "OK":
            if self._share and self._is_chosen():
                _log.info("request", **_describe(call))
            return
        left_out = self._take() if self._bounds_failures else 0
        if left_out is None:
            return
        fields = _describe(call)
        if left_out:
            fields["left_out"] = left_out
        write = _log.warning if call.code in _OURS else _log.info
        write("request", **fields)

    def _is_chosen(self) -> bool:
        span = trace.get_current_span().get_span_context()
        if not span.is_valid:
            return random.random() < self._share  # noqa: S311 - it chooses lines, and hides nothing
        # As OpenTelemetry chooses traces by a share.
        return (span.trace_id & (1 << 64) - 1) < self._share * (1 << 64)

    def _take(self) -> int | None:
        """Take the place of a line; return how many had none before it, None if this has none."""
        with self._lock:
            now = self._clock()
            self._left = min(self._left + (now - self._filled) * MOST_A_SECOND, MOST_AT_ONCE)
            self._filled = now
            if self._left < 1.0:
                self._left_out += 1
                return None
            self._left -= 1.0
            left_out, self._left_out = self._left_out, 0
            return left_out


def _describe(call: Call) -> dict[str, str | int | float]:
    fields: dict[str, str | int | float] = {
        "method": call.method,
        "protocol": call.protocol,
        "code": call.code,
        "total_ms": _to_ms(call.seconds),
        "bytes_in": call.size,
        "bytes_out": call.answer_size,
    }
    for phase in Phase:
        if phase in call.phases:
            fields[f"{phase}_ms"] = _to_ms(call.phases[phase])
    others = {
        "reason": call.reason,
        "caller": call.caller[:_LONGEST_CALLER],
        "model": call.model,
        "version": call.version,
    }
    return fields | {name: text for name, text in others.items() if text}


def _to_ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
