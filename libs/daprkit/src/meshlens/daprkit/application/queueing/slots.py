"""Slots: how many requests may be in the service at the same time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from meshlens.daprkit.application.queueing.flows import NO_FLOW, Flow
from meshlens.daprkit.errors import Busy

T = TypeVar("T")

SHORTEST_RETRY = 0.05


@dataclass(slots=True, eq=False)
class Slot:
    """What a request holds while it is in the service.

    Attributes:
        flow: to which the request belongs.
        held: whether it is its own; another may have been given it.
    """

    flow: Flow = NO_FLOW
    held: bool = True


class Slots:
    """A number of slots; a request that finds none free is refused at once.

    Args:
        limit: how many requests may hold a slot at the same time.
        retry_after: returns the seconds after which a refused caller may try again.
        current: returns how many of them may at this moment; all if not given.
        push_out: takes the slot of a request that waits, in favour of one of this flow, and returns
            what refuses it; None if each may keep its own.
    """

    def __init__(
        self,
        limit: int,
        retry_after: Callable[[], float] = lambda: SHORTEST_RETRY,
        current: Callable[[], int] | None = None,
        push_out: Callable[[Flow], Callable[[], None] | None] = lambda _: None,
    ) -> None:
        self.limit = limit
        self._retry_after = retry_after
        self._current = current or (lambda: limit)
        self._push_out = push_out
        self._lock = threading.Lock()
        self._held = 0

    @property
    def held(self) -> int:
        """Number of slots held now."""
        return self._held

    @contextmanager
    def hold(self, flow: Flow = NO_FLOW) -> Iterator[Slot]:
        """Hold one slot for as long as the request is in the service.

        Raises:
            Busy: every slot is taken; carries the delay before a retry.
        """
        slot = Slot(flow)
        refuse_other: Callable[[], None] | None = None
        with self._lock:
            if self._held < self._current():
                self._held += 1
            else:
                # What is pushed out hands its slot over: as many are held as before.
                refuse_other = self._push_out(flow)
                if refuse_other is None:
                    raise self.refuse()
        if refuse_other:
            refuse_other()
        try:
            yield slot
        finally:
            self._release(slot)

    def refuse(self) -> Busy:
        """Return what a request gets that finds no slot."""
        return Busy(self._current(), self._retry_after())

    def hold_until_done(self, future: Future[T]) -> None:
        """Hold one more slot, for work that continues although no caller waits for it."""
        with self._lock:
            self._held += 1
        future.add_done_callback(lambda _: self._release(Slot()))

    def _release(self, slot: Slot) -> None:
        with self._lock:
            if slot.held:
                self._held -= 1
