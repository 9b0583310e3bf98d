"""What a call of a model may take: memory, numbers in its answer, and time."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the calls of models in this context so much time, all together."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def find_deadline() -> float:
    """Return when the time of this context is over, by the monotonic clock; inf without a limit."""
    return _deadline.get()
