"""The signals that end a service."""

import signal
import socket
from types import FrameType
from typing import Self


class EndSignals:
    """Takes SIGTERM and SIGINT instead of their default; use it on the main thread, as a context.

    A lock or an event that the main thread waits for is no way to hear of a signal: one that comes
    just before the wait begins, or that the kernel hands to another thread, ends no wait, and the
    process stays. Python writes each into a socket, whoever gets it.
    """

    def __init__(self) -> None:
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)  # noqa: FBT003 - its own signature

    def __enter__(self) -> Self:
        """Take the signals."""
        signal.set_wakeup_fd(self._written.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave_it_to_the_socket)
        return self

    def __exit__(self, *_: object) -> None:
        """Let later signals pass: the process ends already."""
        signal.set_wakeup_fd(-1)
        self._received.close()
        self._written.close()

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the number of the next signal, or None if none came in time."""
        self._received.settimeout(seconds)
        try:
            return self._received.recv(1)[0]
        except (TimeoutError, BlockingIOError):  # the second: not a moment to wait
            return None


def _leave_it_to_the_socket(_number: int, _frame: FrameType | None) -> None: ...
