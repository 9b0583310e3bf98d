"""Streams of messages: each holds a place while it is open, and none outlives its service."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meshlens.daprkit.application.queueing.slots import Slots
from meshlens.daprkit.errors import Stopping

# Seconds for streams that have been cancelled to leave: longer than a busy host takes.
LEAVE_SECONDS = 5.0


class Stream:
    """A stream that is open; between two messages it is idle.

    Args:
        cancel: ends it, from any thread.
    """

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self._lock = threading.Lock()
        self._gone = False
        self._ending = False
        self._busy = False
        self._on_gone: Callable[[], None] | None = None

    @property
    def is_ending(self) -> bool:
        """Whether it takes no other message; after one, its handler ends it with a status.

        The library may close the connection before it has sent the status of a call that is
        cancelled after the server has begun to stop, but not one that its handler ends.
        """
        return self._ending

    @contextmanager
    def message(self) -> Iterator[None]:
        """Answer one message: the stream is not idle meanwhile.

        Raises:
            Stopping: the service stops, and this message came too late.
        """
        with self._lock:
            if self._ending:
                raise _stopping()
            self._busy = True
        try:
            yield
        finally:
            with self._lock:
                self._busy, self._on_gone = False, None

    def on_caller_gone(self, call: Callable[[], None]) -> bool:
        """Call a function if the caller goes away before the end of this message.

        Returns:
            False if the caller has gone already.
        """
        with self._lock:
            self._on_gone = call
            return not self._gone

    def leave(self) -> None:
        """Note that the caller has gone away."""
        with self._lock:
            self._gone, call = True, self._on_gone
        if call is not None:
            call()

    def end(self) -> bool:
        """Cancel the stream if it is idle, and let it take no message; return whether it was."""
        with self._lock:
            self._ending, busy = True, self._busy
        if not busy:
            self._cancel()
        return not busy


class Streams:
    """The streams of a service.

    Args:
        slots: what each holds while it is open.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._changed = threading.Condition()
        self._open: set[Stream] = set()
        self._cancelled: set[Stream] = set()
        self._closed = False

    @contextmanager
    def open(self, cancel: Callable[[], object]) -> Iterator[Stream]:
        """Hold a place for a stream.

        Args:
            cancel: ends it, from any thread.

        Raises:
            Busy: every place is taken.
            Stopping: the service stops.
        """
        stream = Stream(cancel)
        with self._slots.hold():
            with self._changed:
                if self._closed:
                    raise _stopping()
                self._open.add(stream)
            try:
                yield stream
            finally:
                with self._changed:
                    self._open.discard(stream)
                    self._changed.notify_all()

    def close(self) -> None:
        """Cancel idle streams, let others end after their message, and open no other."""
        with self._changed:
            self._closed, streams = True, tuple(self._open)
        self._cancelled.update(stream for stream in streams if stream.end())

    def await_cancelled(self, seconds: float = LEAVE_SECONDS) -> bool:
        """Return once the idle streams have left, or False after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._cancelled & self._open, seconds)


def _stopping() -> Stopping:
    return Stopping(
        "expected a service that takes messages",
        got="one that is shutting down",
        remedy="open another stream; a replica or its successor answers",
    )
