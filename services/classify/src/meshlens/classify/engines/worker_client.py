"""Runs TensorFlow in its own process.

Importing it and loading its models hold the GIL for hundreds of milliseconds, in which no other
model could answer; its memory is only freed when a process ends; and a crash in it would take the
service down. So opening the first such model starts a process, and closing the last one ends it.
"""

import functools
import logging
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from meshlens.classify.engines.engine import Engine, Signature, Tensor, TensorSpec
from meshlens.classify.engines.worker_server import KEY_BYTES, HostManager, Room
from meshlens.classify.errors import ClassifyError, EngineGone, InvalidModel
from meshlens.classify.formats.card import Kind

_GONE = (EOFError, ConnectionError, FileNotFoundError)
_END_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Apart:
    """Opens models in a separate process.

    Args:
        workers: threads that call a model.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._process: _Process | None = None
        self._lock = threading.Lock()

    def open(
        self, kind: Kind, data: bytes, inputs: Sequence[str], outputs: Sequence[str]
    ) -> Engine:
        """Return the engine that runs the model in `data`.

        Raises:
            InvalidModel: it cannot be run.
        """
        with self._lock:
            if self._process is None or self._process.ended:
                self._process = _Process(self._workers)
            process = self._process
            process.models += 1
        try:
            with _noticing_the_end(process, InvalidModel):
                opened = process.room.open(kind, data, tuple(inputs), tuple(outputs))
                functions = opened.describe()
        except BaseException:
            self._leave(process)
            raise
        return _Engine(process, opened, functions, functools.partial(self._leave, process))

    def _leave(self, process: "_Process") -> None:
        """End the process if this was its last model."""
        with self._lock:
            process.models -= 1
            if process.models:
                return
            if self._process is process:
                self._process = None
        process.end()


class _Process:
    """A Python process that runs `worker_server`, and ends when this one does.

    Attributes:
        room: opens models in that process.
        models: how many are open.

    Raises:
        InvalidModel: the process ended before it could open any.
    """

    def __init__(self, workers: int) -> None:
        key = secrets.token_bytes(KEY_BYTES)
        self._folder = tempfile.TemporaryDirectory(prefix="classify-")
        self._child = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", "meshlens.classify.engines.worker_server", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach only the service, which drains first
        )
        self._log = threading.Thread(target=self._pass_on, name="tensorflow-log", daemon=True)
        self._log.start()
        self.models = 0
        try:
            with _noticing_the_end(self, InvalidModel):
                self.room = self._connect(key, workers)
        except BaseException:
            self.end()
            raise
        _log.info("TensorFlow runs in process %d", self._child.pid)

    def _connect(self, key: bytes, workers: int) -> Room:
        """Return the room in the process, once it listens."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker, as the next one
        assert self._child.stdout is not None  # noqa: S101
        with self._child.stdout as stdout:
            self._child.stdin.write(key)
            self._child.stdin.flush()
            stdout.readline()
        manager = HostManager(f"{self._folder.name}/socket", authkey=key)
        manager.connect()
        room: Room = manager.Room(workers)  # type: ignore[attr-defined] # registered by name
        return room

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._child.poll() is not None

    def end(self) -> None:
        """End the process; its memory is free when this returns."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        with suppress(OSError):  # it may have ended already
            self._child.stdin.close()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._log.join()
        self._folder.cleanup()
        _log.info("TensorFlow's process %d has ended", self._child.pid)

    def tell_end(self) -> str:
        """Return a message on how the process ended, waiting for the end if need be."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_SECONDS)
        code = self._child.poll()
        return (
            f"TensorFlow's process {self._child.pid} has ended with code {code};"
            " it is being restarted: retry in a moment"
        )

    def _pass_on(self) -> None:
        """Log what the process and TensorFlow write to stderr, line by line."""
        assert self._child.stderr is not None  # noqa: S101 - for the type checker
        with self._child.stderr as stderr:
            for line in stderr:
                _log.debug("TensorFlow's process: %s", line.decode(errors="replace").rstrip())


class _Engine:
    """A model in another process."""

    def __init__(
        self,
        process: _Process,
        opened: Any,  # noqa: ANN401 - a proxy
        functions: Mapping[str, tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]],
        leave: functools.partial[None],
    ) -> None:
        self._process = process
        self._opened = opened
        self._leave = leave
        self._functions = {
            name: _Function(process, opened, name, *specs) for name, specs in functions.items()
        }

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The functions of the model by name."""
        return self._functions

    def close(self) -> None:
        """Free the model's memory, and with the last model all of TensorFlow's."""
        self._functions.clear()
        with suppress(EngineGone), _noticing_the_end(self._process):
            self._opened.close()
        del self._opened
        self._leave()


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of a model in another process."""

    process: _Process
    opened: Any  # a proxy
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            EngineGone: the process has ended.
        """
        with _noticing_the_end(self.process):
            answers: dict[str, Tensor] = self.opened.run(self.name, dict(tensors))
            return answers


@contextmanager
def _noticing_the_end(process: _Process, fault: type[ClassifyError] = EngineGone) -> Iterator[None]:
    try:
        yield
    except _GONE as error:
        raise fault(process.tell_end()) from error
