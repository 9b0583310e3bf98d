"""One call from its beginning to its end, and what is known of it then."""

import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import Token
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from meshlens.timing import Phase, Stopwatch, attach, current, detach

# The way by which a call came: OnInvoke, the HTTP listener, the gRPC services of the Open Inference
# Protocol and of TensorFlow Serving, a call within another, an event, a message of a stream.
CallProtocol: TypeAlias = Literal[
    "invoke", "http", "grpc", "tfserving", "mcp", "gateway", "topic", "stream"
]
UNKNOWN = "unknown"
_NOTHING = nullcontext()


class Observer(Protocol):
    """Who is told of a call."""

    def begin(self, call: "Call") -> AbstractContextManager[object] | None:
        """Note that a call has come; return the context that it is to be in, if any."""

    def show_wait(self, seconds: float) -> None:
        """Note that a call has waited so long for a worker, until now."""

    def span(self, phase: Phase) -> AbstractContextManager[object] | None:
        """Return the context that a phase of a call is to be in, if any."""

    def end(self, call: "Call", error: BaseException | None) -> None:
        """Note the outcome of a call."""


class Phases:
    """The phases of a thread at work for a call, whose spans they are; a `Stopwatch`.

    Args:
        observer: is told of them.
    """

    __slots__ = ("_observer", "_times")

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._times = False

    def time(self, phase: Phase) -> AbstractContextManager[None]:
        """Time what is done in the context; a phase within another counts as part of that."""
        return _NOTHING if self._times else _Lap(self, phase)

    def beside(self) -> Stopwatch:
        """Return one for a thread that helps: its phases have spans and no seconds."""
        return Phases(self._observer)

    def begin_phase(self, phase: Phase) -> AbstractContextManager[object] | None:
        """Note that a phase begins; return the context that it is to be in, if any."""
        self._times = True
        return self._observer.span(phase)

    def end_phase(self, phase: Phase, seconds: float) -> None:  # noqa: ARG002 - for a call, which keeps them
        """Note that a phase has ended."""
        self._times = False


class Call(Phases):
    """One call, entered when it comes and left with its outcome; a `Stopwatch`.

    Args:
        observer: is told of it.
        protocol: the way by which it came.
        caller: the app id of who calls; empty if no sidecar has said it.
        size: bytes that came.

    Attributes:
        method: its name, one of a fixed set, once it is known.
        protocol: as above.
        caller: as above.
        model: the name of a model that exists; empty if the call has none or it is not known.
        version: the number of the model's version.
        code: name of the status code that it ends with.
        reason: the kind of fault, such as INVALID_TABLE; empty without one.
        size: as above.
        answer_size: bytes that leave, about.
        started: when it came, as `time.perf_counter` counts.
        seconds: from then to its outcome.
        phases: seconds of each phase that it has had.
    """

    __slots__ = (
        "_span",
        "_token",
        "answer_size",
        "caller",
        "code",
        "method",
        "model",
        "phases",
        "protocol",
        "reason",
        "seconds",
        "size",
        "started",
        "version",
    )

    def __init__(
        self, observer: Observer, protocol: CallProtocol, caller: str = "", size: int = 0
    ) -> None:
        self.started, self.seconds = time.perf_counter(), 0.0
        super().__init__(observer)
        self.method, self.protocol, self.caller = UNKNOWN, protocol, caller
        self.model = self.version = self.reason = ""
        self.code = "OK"
        self.size, self.answer_size = size, 0
        self.phases: dict[Phase, float] = {}
        self._span: AbstractContextManager[object] | None = None
        self._token: Token[Stopwatch | None] | None = None

    def __enter__(self) -> Self:
        self._token = attach(self)
        self._span = self._observer.begin(self)
        if self._span:
            self._span.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self.started
        self._observer.end(self, error)
        if self._span:
            self._span.__exit__(kind, error, trace_back)
        if self._token:
            detach(self._token)

    def use(self, model: str, version: str) -> None:
        """Note which model it is of, which must exist."""
        self.model, self.version = model, version

    def begin(self, admitted: float) -> None:
        """Note that a worker begins with what was admitted then, as `perf_counter` counts."""
        waited = self.phases[Phase.QUEUE] = time.perf_counter() - admitted
        self._observer.show_wait(waited)

    def end_phase(self, phase: Phase, seconds: float) -> None:
        """Note that a phase has ended; a call may have it several times."""
        super().end_phase(phase, seconds)
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds


class _Lap:
    """One phase that is being timed."""

    __slots__ = ("_began", "_call", "_phase", "_span")

    def __init__(self, call: Phases, phase: Phase) -> None:
        self._call, self._phase = call, phase
        self._span: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        self._span = self._call.begin_phase(self._phase)
        if self._span:
            self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        self._call.end_phase(self._phase, time.perf_counter() - self._began)
        if self._span:
            self._span.__exit__(kind, error, trace_back)


def use_model(model: str, version: str) -> None:
    """Note which model the call of this context is of, which must exist."""
    call = current()
    if isinstance(call, Call):
        call.use(model, version)
