"""Work in parts: the worker that has it does them, one after another, and free workers help."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeAlias, TypeVar

from meshlens.timing import attach, current

T = TypeVar("T")
R = TypeVar("R")

_END = 1 << 62


class Parts(Generic[T, R]):
    """The parts of one piece of work, begun in their order, each by whichever thread asks next.

    It is made where the work is done: helpers see the context variables of there. The seconds of a
    request's phases are those of the worker that it has: together never more than it takes.

    Args:
        work: does a part, in any thread.
        items: what the parts are of.

    Attributes:
        helped: seconds that threads have helped.
    """

    def __init__(self, work: Callable[[T], R], items: Sequence[T]) -> None:
        self.helped = 0.0
        self._work, self._items = work, items
        self._results: dict[int, R] = {}
        self._errors: dict[int, BaseException] = {}
        # Over all that changes.
        self._changed = threading.Condition()
        self._next = self._running = 0
        self._context = contextvars.copy_context()
        self._stopwatch = current()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def left(self) -> bool:
        """Whether there is a part that has not begun."""
        return self._next < len(self._items)

    def do(self, check: Callable[[], None]) -> bool:
        """Do the next part; return False if there is none.

        Args:
            check: raises an error if the work is no longer wanted.
        """
        return self._do(check, self._work)

    def help(self, check: Callable[[], None]) -> None:
        """Do the next part for the thread that has the work; arguments as above."""
        began = time.monotonic()
        # A context is of one thread at a time, and so is a stopwatch.
        context = self._context.copy()
        if self._stopwatch:
            context.run(attach, self._stopwatch.beside())
        self._do(check, lambda item: context.run(self._work, item), began)

    def _do(
        self, check: Callable[[], None], work: Callable[[T], R], began: float | None = None
    ) -> bool:
        with self._changed:
            place = self._next
            if place >= len(self._items):
                return False
            self._next += 1
            self._running += 1
        try:
            check()
            result = work(self._items[place])
        except BaseException as error:  # noqa: BLE001 - it is raised again where the work is done
            with self._changed:
                self._errors[place] = error
                self._next = _END
        else:
            self._results[place] = result
        finally:
            with self._changed:
                self._running -= 1
                if began is not None:
                    self.helped += time.monotonic() - began
                self._changed.notify_all()
        return True

    def wait(self) -> None:
        """Wait for the parts that have begun."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running)

    def results(self) -> list[R]:
        """Return what came of all parts, in their order.

        Raises:
            BaseException: that of the first part with one.
        """
        if not self._errors:
            return [self._results[place] for place in range(len(self._items))]
        # An error refers to what has raised it: nothing there may refer to the error.
        error = self._errors[min(self._errors)]
        self._errors.clear()
        try:
            raise error
        finally:
            del error


# Does parts, with the help of others or alone.
Share: TypeAlias = Callable[[Parts[Any, Any], bool], None]

_share: contextvars.ContextVar[Share | None] = contextvars.ContextVar("share", default=None)
_awaited: contextvars.ContextVar[bool] = contextvars.ContextVar("awaited", default=False)


def spread(work: Callable[[T], R], items: Sequence[T], *, alone: bool = False) -> list[R]:
    """Return `work` of each item, in their order; workers of the service help while they are free.

    As one after another, but for the time: the error of the first item with one is raised, and none
    that has not begun by then begins. Outside a service nobody helps.

    Args:
        work: does one, in any thread; it sees the context variables of here.
        items: in the order in which they begin.
        alone: whether nobody may help.

    Raises:
        CallerGone, TimeLimitExceeded: nobody waits for the rest any more.
        Exception: what `work` raises.
    """
    share = _share.get()
    if share is None:
        return [work(item) for item in items]
    parts = Parts(work, items)
    share(parts, alone)
    return parts.results()


def begin_sharing(share: Share) -> None:
    """Let `share` do what is spread in this context."""
    _share.set(share)


@contextmanager
def awaited() -> Iterator[None]:
    """Do all parts of what is spread in this context, though its caller goes: another will come."""
    token = _awaited.set(True)
    try:
        yield
    finally:
        _awaited.reset(token)


def is_awaited() -> bool:
    """Return whether another caller will come for the work of this context."""
    return _awaited.get()
