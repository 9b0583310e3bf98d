"""Every call, shown to metrics, log and traces."""

import time
from contextlib import AbstractContextManager

from opentelemetry import trace

from meshlens.daprkit.telemetry.call import UNKNOWN, Call, CallProtocol
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.request_log import RequestLog
from meshlens.daprkit.telemetry.traces import Spans
from meshlens.faults import Fault
from meshlens.timing import Phase

# One span of the server holds several calls of these, so that each has one of its own.
_WITHIN = frozenset({"mcp", "gateway", "stream"})
# An attribute of errors.
_COUNTED = "_is_counted"
_SHOWN = ("method", "protocol", "model", "version", "code", "reason", "caller")


class Calls:
    """Makes calls, and is told of them; a `call.Observer`.

    Args:
        metrics: counts and times them.
        log: has a line for some of them; None for none.
        spans: creates spans; None to create none.
    """

    def __init__(
        self, metrics: Metrics, log: RequestLog | None = None, spans: Spans | None = None
    ) -> None:
        self._metrics = metrics
        self._prefix = f"{metrics.namespace}." if metrics.namespace else ""
        self._log = log
        self._tracer = spans.provider.get_tracer(__name__) if spans else None

    def watch(self, protocol: CallProtocol, caller: str = "", size: int = 0) -> Call:
        """Return a call that comes now, to be entered.

        Args:
            protocol: the way by which it came.
            caller: the app id of who calls.
            size: bytes that came.
        """
        return Call(self, protocol, caller, size)

    def refuse(self, protocol: CallProtocol, error: Exception, method: str = UNKNOWN) -> None:
        """Count a call that was refused before it was read."""
        call = Call(self, protocol)
        call.method = method
        self.end(call, error)

    def has_counted(self, error: Exception) -> bool:
        """Return whether a call has ended with this error."""
        return _COUNTED in vars(error)

    def begin(self, call: Call) -> AbstractContextManager[object] | None:
        """Return the span of a call that the server makes none for."""
        return self._start(call.protocol) if call.protocol in _WITHIN else None

    def show_wait(self, seconds: float) -> None:
        """Make the span of a wait that ends now."""
        if self._tracer:
            now = time.time_ns()
            self._tracer.start_span(Phase.QUEUE, start_time=now - int(seconds * 1e9)).end(now)

    def span(self, phase: Phase) -> AbstractContextManager[object] | None:
        """Return the span of a phase."""
        return self._start(phase)

    def end(self, call: Call, error: BaseException | None) -> None:
        """Show the outcome of a call, in its trace."""
        if isinstance(error, Exception):
            call.code = self._metrics.name_code(error)
            call.reason = error.reason if isinstance(error, Fault) else ""
        elif error is not None:  # the process ends
            call.code = "UNKNOWN"
        if error is not None:
            vars(error)[_COUNTED] = True
        self._metrics.count_call(call)
        if self._tracer:
            _describe(call, self._prefix)
        if self._log:
            self._log.note(call)

    def _start(self, name: str) -> AbstractContextManager[object] | None:
        if self._tracer is None:
            return None
        return self._tracer.start_as_current_span(name, record_exception=False)


def _describe(call: Call, prefix: str) -> None:
    span = trace.get_current_span()
    if call.protocol in _WITHIN:
        span.update_name(call.method)
    for name in _SHOWN:
        if value := getattr(call, name):
            span.set_attribute(f"{prefix}{name}", value)
