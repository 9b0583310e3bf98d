"""Ends a sidecar that no longer takes workers.

When the last worker of a sidecar of Dapr 1.18.3 dies, the sidecar may wait for ever for a lock of
its own: it is healthy, but takes no worker and runs no workflow. Its metadata then names no worker,
though one tries to connect. Only another process helps, which whoever has started it must start:
the kubelet, or the supervisor of `meshlens up`.
"""

import time
from collections.abc import Callable
from threading import Event, Thread

import structlog

from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.errors import EngineUnavailable

_LOOK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Patience:
    """How long something has lasted.

    Args:
        seconds: after which patience is over.
        clock: returns the time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since: float | None = None

    def is_over(self, *, lasts: bool) -> bool:
        """Return whether it has lasted for too long without a break; it then begins anew."""
        if not lasts:
            self._since = None
            return False
        now = self._clock()
        if self._since is None:
            self._since = now
        if now - self._since < self._seconds:
            return False
        self._since = None
        return True


class Watchdog:
    """Shuts the sidecar down when it has had no worker for too long, from `start` to `stop`.

    Args:
        engine: in the sidecar.
        seconds: that it may have none; 0 to watch nothing.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._patience = Patience(seconds)
        self._stopping = Event()
        self._thread = Thread(target=self._watch, name="watchdog", daemon=True)
        self._wanted = seconds > 0

    def start(self) -> None:
        """Begin to watch."""
        if self._wanted:
            self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        if self._wanted:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            if self._patience.is_over(lasts=self._engine.is_wedged()):
                _log.warning("the sidecar takes no worker, and is shut down to be started again")
                try:
                    self._engine.shut_sidecar()
                except EngineUnavailable as error:
                    _log.warning("the sidecar does not end", error=str(error))
