"""Streams of messages: each holds a place while it is open, and none outlives its service."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meshlens.daprkit.application.admission import Slots
from meshlens.daprkit.errors import Stopping


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
                ending = self._ending
            if ending:
                self._cancel()

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

    def end(self) -> None:
        """End the stream, after the message that is being answered."""
        with self._lock:
            self._ending, busy = True, self._busy
        if not busy:
            self._cancel()


class Streams:
    """The streams of a service.

    Args:
        slots: what each holds while it is open.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._open: set[Stream] = set()
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
            with self._lock:
                if self._closed:
                    raise _stopping()
                self._open.add(stream)
            try:
                yield stream
            finally:
                with self._lock:
                    self._open.discard(stream)

    def close(self) -> None:
        """End every stream, after the message that it is answering, and open no other."""
        with self._lock:
            self._closed, streams = True, tuple(self._open)
        for stream in streams:
            stream.end()


def _stopping() -> Stopping:
    return Stopping(
        "expected a service that takes messages",
        got="one that is shutting down",
        remedy="open another stream; a replica or its successor answers",
    )
