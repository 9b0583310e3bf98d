"""Answers that are kept for a while, for a request that is sent again with the same key."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from meshlens.daprkit.application.callers import OnCallerGone
from meshlens.daprkit.application.keys import HEADER, Once
from meshlens.daprkit.errors import CallerGone, IdempotencyKeyReused, TimeLimitExceeded

MOST = 1000
MOST_BYTES = 32 * 1024 * 1024
# Longer than a sidecar tries again by the policy that ships: 25 times 200 ms.
SECONDS = 60.0

_LARGEST_SHARE = 4
# Of the earliest, so many are looked at with each request: more than become too many by one.
_AT_ONCE = 64

# Method, caller and key.
_Name: TypeAlias = tuple[str, str, str]


class Kept(Protocol):
    """An answer that can be kept."""

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""


A = TypeVar("A", bound=Kept)


@dataclass(slots=True)
class Turn(Generic[A]):
    """One request with a key at work; another with the same key waits for its end.

    Work that outlives its caller is part of it: whoever sends the request again waits for that.

    Attributes:
        answer: what was answered; None while nothing is.
        published: whether the event says so already.
    """

    answer: A | None = None
    published: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _working: bool = False
    _on_end: Callable[[], None] | None = None

    def work(self, endpoint: Callable[[], A]) -> A:
        """Answer, in whatever thread."""
        with self._lock:
            self._working = True
        try:
            self.answer = answer = endpoint()
        finally:
            with self._lock:
                self._working, end = False, self._on_end
            if end:
                end()
        return answer

    def end(self, call: Callable[[], None]) -> None:
        """Call a function once nothing is at work any more."""
        with self._lock:
            if self._working:
                self._on_end = call
                return
        call()


@dataclass(slots=True)
class _Place:
    once: Once
    turn: Turn[Any]
    busy: bool = True
    until: float = 0.0
    size: int = 0


class KeptAnswers:
    """Keeps answers by their keys: so many, so large together, for so long.

    What is forgotten is computed again when it is wanted again.

    Args:
        most: how many.
        most_bytes: how large together, about.
        seconds: how long.
        clock: returns the time in seconds.

    Attributes:
        hits: requests that had their answer already.
        misses: requests with a key that had none.
    """

    def __init__(
        self,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hits = self.misses = 0
        self._most = most
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._clock = clock
        self._changed = threading.Condition()
        # The earliest first, as each is moved to the end when its turn ends.
        self._places: OrderedDict[_Name, _Place] = OrderedDict()
        self._size = 0

    @contextmanager
    def turn(self, once: Once, seconds: float, on_caller_gone: OnCallerGone) -> Iterator[Turn[Any]]:
        """Let a request have its turn; its answer is kept if it has one by the end.

        Args:
            once: the request.
            seconds: how long it may wait for the one before it.
            on_caller_gone: given a function to call once the caller has gone away; it returns
                False if that has happened already.

        Raises:
            IdempotencyKeyReused: another request has come with its key.
            TimeLimitExceeded: the one before it was not done within `seconds`.
            CallerGone: the caller went away before.
        """
        name = _name(once)
        place = self._take(name, once, seconds, on_caller_gone)
        try:
            yield place.turn
        finally:
            place.turn.end(partial(self._give_back, name, place))

    def find(self, once: Once) -> Any:  # noqa: ANN401 - what was answered
        """Return the answer to a request that has one, and whose event says so; else None.

        Raises:
            IdempotencyKeyReused: another request has come with its key.
        """
        with self._changed:
            place = self._places.get(_name(once))
            if place is None or place.busy or place.until <= self._clock():
                return None
            _check_same(place, once)
            if not place.turn.published:
                return None
            self._count(place.turn)
            return place.turn.answer

    def _take(
        self, name: _Name, once: Once, seconds: float, on_caller_gone: OnCallerGone
    ) -> _Place:
        deadline = time.monotonic() + seconds
        gone: threading.Event | None = None
        with self._changed:
            self._forget()
            while place := self._places.get(name):
                _check_same(place, once)
                if not place.busy:
                    place.busy = True
                    self._count(place.turn)
                    return place
                left = deadline - time.monotonic()
                if left <= 0.0:
                    raise TimeLimitExceeded(
                        f"expected the answer to the same request within {seconds:g} s",
                        got="none in that time",
                        remedy="allow more by the gRPC deadline or ?timeout=<seconds>",
                    )
                if gone is None:
                    gone = threading.Event()
                    if not on_caller_gone(partial(self._leave, gone)):
                        gone.set()
                if gone.is_set():
                    raise CallerGone("the caller went away while the same request was at work")
                self._changed.wait(left)
            place = self._places[name] = _Place(once, Turn())
            self._count(place.turn)
            return place

    def _count(self, turn: Turn[Any]) -> None:
        if turn.answer is None:
            self.misses += 1
        else:
            self.hits += 1

    def _leave(self, gone: threading.Event) -> None:
        with self._changed:
            gone.set()
            self._changed.notify_all()

    def _give_back(self, name: _Name, place: _Place) -> None:
        with self._changed:
            answer = place.turn.answer
            size = 0 if answer is None else answer.size
            self._size += size - place.size
            place.busy, place.size = False, size
            place.until = self._clock() + self._seconds
            self._places.move_to_end(name)
            # One that is large would cost many others their place.
            if answer is None or size > self._most_bytes // _LARGEST_SHARE:
                self._drop(name)
            self._forget()
            self._changed.notify_all()

    def _forget(self) -> None:
        """Drop what is kept for too long, and the earliest while there is too much."""
        now = self._clock()
        for _ in range(_AT_ONCE):
            name = self._find_old(now)
            if name is None:
                return
            self._drop(name)

    def _find_old(self, now: float) -> _Name | None:
        """Return the earliest that is not at work, if it is too old or there is too much."""
        full = len(self._places) > self._most or self._size > self._most_bytes
        for name, place in islice(self._places.items(), _AT_ONCE):
            # Those behind it were given back later.
            if not place.busy:
                return name if full or place.until <= now else None
        return None

    def _drop(self, name: _Name) -> None:
        self._size -= self._places.pop(name).size


def _name(once: Once) -> _Name:
    return once.method, once.key.caller, once.key.text


def _check_same(place: _Place, once: Once) -> None:
    if place.once != once:
        raise IdempotencyKeyReused(
            f"{HEADER} must be another for each request",
            got="that of another request",
            remedy="make a key for each request, and send it again with that one only",
            option=HEADER,
        )
