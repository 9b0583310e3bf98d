"""Ctrl-C, and a request to terminate: the job ends within a second, and what is done is kept."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self, TypeAlias

from meshlens.batch.errors import Cancelled

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds for pictures that are being answered; an end of the process harms nothing either.
_PATIENCE = 0.7


class Interruption:
    """Takes the signals while it is entered, which only the main thread may do.

    Args:
        at_end: called, from a thread of its own, before the process is ended because some picture
            takes too long.
    """

    def __init__(self, at_end: Callable[[], None]) -> None:
        self._at_end = at_end
        self._noted = 0
        self._before: dict[int, Handler] = {}
        self._timer = threading.Timer(_PATIENCE, self._end)
        self._timer.daemon = True

    @property
    def exit_code(self) -> int:
        """As of a process that the signal has ended."""
        return 128 + self._noted

    def go_on(self) -> None:
        """Raise Cancelled if a signal has come."""
        if self._noted:
            raise Cancelled("the job was not to be interrupted")

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if not self._noted:
            self._noted = number
            self._timer.start()

    def _end(self) -> None:
        self._at_end()
        os._exit(self.exit_code)
