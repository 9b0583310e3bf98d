"""The phases of a request's work: the domain says which it is in, and a service times them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Phase(StrEnum):
    """What a request is doing; what belongs to none, such as writing its answer, is not timed."""

    QUEUE = "queue"
    """It waits for a worker."""
    DECODE = "decode"
    """Its input is read: a table, a picture, tensors."""
    COMPUTE = "compute"
    """A model runs, or numbers are computed and drawn."""


class Stopwatch(Protocol):
    """Times the phases of one request."""

    def time(self, phase: Phase) -> AbstractContextManager[None]:
        """Time what is done in the context; a phase within another counts as part of that."""

    def beside(self) -> "Stopwatch":
        """Return one for a thread that helps: what it does takes the request no time of its own."""


_stopwatch: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)
_NOTHING = nullcontext()


def attach(stopwatch: Stopwatch) -> Token[Stopwatch | None]:
    """Let a stopwatch time the phases of this context, and of copies of it, until `detach`.

    It is told of the phases of one thread at a time.
    """
    return _stopwatch.set(stopwatch)


def detach(token: Token[Stopwatch | None]) -> None:
    """Undo `attach`."""
    _stopwatch.reset(token)


def current() -> Stopwatch | None:
    """Return what times the phases of this context."""
    return _stopwatch.get()


def note(phase: Phase) -> AbstractContextManager[None]:
    """Say that what is done in the context is this phase; without a stopwatch nothing happens."""
    stopwatch = _stopwatch.get()
    return _NOTHING if stopwatch is None else stopwatch.time(phase)


def noted(phase: Phase) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function that is this phase."""

    def decorate(work: Callable[P, R]) -> Callable[P, R]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with note(phase):
                return work(*args, **kwargs)

        return run

    return decorate
