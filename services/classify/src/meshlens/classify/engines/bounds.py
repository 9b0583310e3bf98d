"""What a call of a model may take: memory, numbers in its answer, and time."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the calls of the models in one worker process may take.

    Attributes:
        memory: bytes, for all calls together and beyond what loading has taken; 0 for no limit.
        numbers: elements of all outputs of a call; 0 for no limit.
    """

    memory: int = 0
    numbers: int = 0


NO_BOUNDS = Bounds()

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Caller(Protocol):
    """Who waits for what a call computes."""

    @property
    def waits(self) -> Callable[[], bool]:
        """Returns, in any thread, whether anybody still does."""

    @property
    def pause(self) -> Callable[[], AbstractContextManager[None]]:
        """A context in which the call's own thread waits for what another computes."""


@dataclass(frozen=True, slots=True)
class _Anybody:
    waits: Callable[[], bool] = lambda: True
    pause: Callable[[], AbstractContextManager[None]] = nullcontext


_caller: ContextVar[Caller] = ContextVar("caller", default=_Anybody())  # noqa: B039 - it never changes


@contextmanager
def within(seconds: float, caller: Caller | None = None) -> Iterator[None]:
    """Give the calls of models in this context so much time, all together.

    Args:
        seconds: the time.
        caller: who waits for what they compute; somebody who never goes, if not given.
    """
    token = _caller.set(caller or _Anybody())
    try:
        with until(time.monotonic() + seconds):
            yield
    finally:
        _caller.reset(token)


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Give the calls of models in this context time until then, by the monotonic clock."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def find_caller() -> Caller:
    """Return who waits for what the calls of this context compute."""
    return _caller.get()


def find_deadline() -> float:
    """Return when the time of this context is over, by the monotonic clock; inf without a limit."""
    return _deadline.get()
