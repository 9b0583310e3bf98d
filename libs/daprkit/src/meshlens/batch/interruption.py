"""Ctrl-C, and a request to terminate: a command's job ends soon, and what is done is kept."""

import itertools
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self, TypeAlias

from meshlens.batch.errors import Cancelled

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds for what is under way; an end of the process harms nothing either.
_PATIENCE = 0.7


class Interruption:
    """Takes the signals while it is entered, which only the main thread may do.

    The first one makes `go_on` raise Cancelled. If that has not ended the job within 0.7 s, or as
    soon as a second one comes, the process is ended.

    Args:
        at_end: called once, when Cancelled has left the job or before the process is ended; then
            by a thread of its own.
    """

    def __init__(self, at_end: Callable[[], None]) -> None:
        self._at_end = at_end
        self._told = False
        self._telling = threading.Lock()
        self._noted = 0
        # A handler may be interrupted by another one, so that a sum could count one of them only.
        self._times = itertools.count(1)
        self._before: dict[int, Handler] = {}
        self._second, self._left = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._wait, name="interruption", daemon=True)

    @property
    def exit_code(self) -> int:
        """As of a process that the signal has ended."""
        return 128 + self._noted

    def go_on(self) -> None:
        """Raise Cancelled if a signal has come."""
        if self._noted:
            raise Cancelled(
                "the job must not be interrupted",
                got=signal.Signals(self._noted).name,
                remedy="run the command again: what is done is kept",
            )

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
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, Cancelled):
            self._tell()
        self._left.set()
        self._second.set()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        match next(self._times):
            case 1:
                self._noted = number
                self._thread.start()
            case 2:
                self._second.set()

    def _wait(self) -> None:
        self._second.wait(_PATIENCE)
        if not self._left.is_set():
            self._tell()
            os._exit(self.exit_code)

    def _tell(self) -> None:
        with self._telling:
            if not self._told:
                self._told = True
                self._at_end()
