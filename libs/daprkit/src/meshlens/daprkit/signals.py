"""The signals that end a service."""

import signal
import socket
from types import FrameType
from typing import Self


class EndSignals:
    """Handles SIGTERM and SIGINT while it is entered, on the main thread only.

    A main thread that waits for a lock or an event can miss a signal: one that comes just before
    the wait begins, or that the kernel delivers to another thread, does not end the wait, and the
    process hangs. Python writes each signal into a socket, whichever thread receives it.
    """

    def __init__(self) -> None:
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)  # noqa: FBT003 - socket takes it by position

    def __enter__(self) -> Self:
        """Begin to handle the signals."""
        signal.set_wakeup_fd(self._written.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave_it_to_the_socket)
        return self

    def __exit__(self, *_: object) -> None:
        """Ignore later signals: the process is already shutting down."""
        signal.set_wakeup_fd(-1)
        self._received.close()
        self._written.close()

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the number of the next signal, or None if none came in time."""
        self._received.settimeout(seconds)
        try:
            return self._received.recv(1)[0]
        except (TimeoutError, BlockingIOError):  # the second if `seconds` is 0
            return None


def _leave_it_to_the_socket(_number: int, _frame: FrameType | None) -> None: ...
