"""Starts the further workers, and starts each again when it dies."""

import os
import subprocess
import sys
from threading import Event, Thread

import structlog

_LOOK_SECONDS = 0.5
_STOP_SECONDS = 15.0

_log = structlog.get_logger(__name__)


class Children:
    """Some processes that work beside this one, from `start` to `stop`.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = Event()
        self._thread = Thread(target=self._watch, name="children", daemon=True)

    def start(self) -> None:
        """Start them, and begin to watch them."""
        self._processes = [_start() for _ in range(self._count)]
        self._thread.start()

    def stop(self) -> None:
        """End them; one that does not end is killed."""
        self._stopping.set()
        self._thread.join()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for index, process in enumerate(self._processes):
                code = process.poll()
                if code is not None:
                    _log.warning("a worker has ended and is started again", code=code)
                    self._processes[index] = _start()


def _start() -> subprocess.Popen[bytes]:
    # In the group of the app, so that whoever ends that ends all.
    command = (sys.executable, "-m", "meshlens.jobs", "worker", str(os.getpid()))
    return subprocess.Popen(command)  # noqa: S603 - this package
