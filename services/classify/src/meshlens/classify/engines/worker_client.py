"""TensorFlow in a worker process: the side of the service.

Importing it and loading its models hold the GIL for hundreds of milliseconds, in which no other
model would answer; its memory is returned only when a process ends; and a crash of it would take
everything else along. So the first such model starts a process, and the last one ends it.
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
from meshlens.classify.engines.worker_server import KEY_BYTES, Worker, WorkerManager
from meshlens.classify.errors import ClassifyError, EngineGone, InvalidModel
from meshlens.classify.formats.card import Kind

_GONE = (EOFError, ConnectionError, FileNotFoundError)
_END_SECONDS = 10.0

_log = logging.getLogger(__name__)


class WorkerClient:
    """Opens models in a worker process.

    Args:
        workers: threads that call a model.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._process: _WorkerProcess | None = None
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
                self._process = _WorkerProcess(self._workers)
            process = self._process
            process.models += 1
        try:
            with _reporting_the_end(process, InvalidModel):
                model = process.worker.open(kind, data, tuple(inputs), tuple(outputs))
                functions = model.describe()
        except BaseException:
            self._leave(process)
            raise
        return _Engine(process, model, functions, functools.partial(self._leave, process))

    def _leave(self, process: "_WorkerProcess") -> None:
        """End the process with its last model."""
        with self._lock:
            process.models -= 1
            if process.models:
                return
            if self._process is process:
                self._process = None
        process.end()


class _WorkerProcess:
    """A Python that runs `worker_server`, and ends when this one does.

    Attributes:
        worker: opens models there.
        models: how many it has.

    Raises:
        InvalidModel: it ended before it could open any.
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
        self._log = threading.Thread(target=self._log_lines, name="tensorflow-log", daemon=True)
        self._log.start()
        self.models = 0
        try:
            with _reporting_the_end(self, InvalidModel):
                self.worker = self._connect(key, workers)
        except BaseException:
            self.end()
            raise
        _log.info("TensorFlow runs in process %d", self._child.pid)

    def _connect(self, key: bytes, workers: int) -> Worker:
        """Return its worker once it listens."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        assert self._child.stdout is not None  # noqa: S101 - the same
        with self._child.stdout as stdout:
            self._child.stdin.write(key)
            self._child.stdin.flush()
            stdout.readline()
        manager = WorkerManager(f"{self._folder.name}/socket", authkey=key)
        manager.connect()
        worker: Worker = manager.Worker(workers)  # type: ignore[attr-defined] # registered by name
        return worker

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def end(self) -> None:
        """End it; when this returns its memory is free."""
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

    def describe_end(self) -> str:
        """Return how it ended, once its connections have been closed."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_SECONDS)
        code = self._child.poll()
        return (
            f"TensorFlow's process {self._child.pid} has ended with code {code};"
            " it is being restarted: try again in a moment"
        )

    def _log_lines(self) -> None:
        """Log each line that the process and TensorFlow write to stderr."""
        assert self._child.stderr is not None  # noqa: S101 - for the type checker
        with self._child.stderr as stderr:
            for line in stderr:
                _log.debug("TensorFlow's process: %s", line.decode(errors="replace").rstrip())


class _Engine:
    """A model in the worker process."""

    def __init__(
        self,
        process: _WorkerProcess,
        model: Any,  # noqa: ANN401 - a proxy of RemoteModel
        functions: Mapping[str, tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]],
        leave: functools.partial[None],
    ) -> None:
        self._process = process
        self._model = model
        self._leave = leave
        self._functions = {
            name: _Function(process, model, name, *specs) for name, specs in functions.items()
        }

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The functions of the model by name."""
        return self._functions

    def close(self) -> None:
        """Free the model's memory, and with the last model all of TensorFlow's."""
        self._functions.clear()
        with suppress(EngineGone), _reporting_the_end(self._process):
            self._model.close()
        del self._model
        self._leave()


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of a model in the worker process."""

    process: _WorkerProcess
    model: Any  # a proxy of RemoteModel
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            EngineGone: the process has ended.
        """
        with _reporting_the_end(self.process):
            answers: dict[str, Tensor] = self.model.run(self.name, dict(tensors))
            return answers


@contextmanager
def _reporting_the_end(
    process: _WorkerProcess, fault: type[ClassifyError] = EngineGone
) -> Iterator[None]:
    try:
        yield
    except _GONE as error:
        raise fault(process.describe_end()) from error
