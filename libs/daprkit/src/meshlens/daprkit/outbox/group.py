"""Group commit: what threads bring while one of them commits is committed together, by one of them.

No thread is kept for it, so that one that comes alone commits at once and wakes nobody.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Place(Generic[T]):
    """What a thread has brought.

    Attributes:
        item: the same.
        turn: released when it is committed, or when its thread is to commit.
        done: whether a commit has included it.
        number: what that has returned for it.
        error: what that has raised.
    """

    item: T
    turn: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    number: int = 0
    error: BaseException | None = None


class Group(Generic[T]):
    """Commits items in the order in which they came.

    Args:
        commit: gets those that wait together, and returns a number for each. It is called by one
            thread at a time.
    """

    def __init__(self, commit: Callable[[Sequence[T]], Sequence[int]]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: list[_Place[T]] = []
        self._busy = False

    def add(self, item: T) -> int:
        """Return what a commit that included the item has returned for it.

        Raises:
            BaseException: what that commit has raised.
        """
        place = _Place(item)
        place.turn.acquire()
        with self._lock:
            self._waiting.append(place)
            busy, self._busy = self._busy, True
        if busy:
            place.turn.acquire()
        if not place.done:
            self._commit_waiting()
        if place.error:
            raise place.error
        return place.number

    def _commit_waiting(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            numbers = self._commit([place.item for place in batch])
            for place, number in zip(batch, numbers, strict=True):
                place.number = number
        except BaseException as error:  # noqa: BLE001 - each thread of the batch raises it
            for place in batch:
                place.error = error
        for place in batch:
            place.done = True
            place.turn.release()
        with self._lock:
            if self._waiting:
                self._waiting[0].turn.release()
            else:
                self._busy = False
