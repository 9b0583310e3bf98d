"""Models in worker processes: the side of the service.

TensorFlow's models share one: importing it and loading its models hold the GIL for hundreds of
milliseconds, in which no other model would answer; its memory is returned only when a process ends;
and a crash of it would take everything else along. So the first such model starts a process, and
the last one ends it. A model that has ended it once gets a process of its own, and so does each
.tflite model that may end one.
"""

import functools
import hashlib
import logging
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds
from meshlens.classify.engines.engine import Engine, Signature, Tensor, TensorSpec
from meshlens.classify.engines.worker_calls import Calls
from meshlens.classify.engines.worker_server import KEY_BYTES, Worker, WorkerManager
from meshlens.classify.errors import EngineCrashed, EngineGone, InvalidModel, ModelTooSlow
from meshlens.classify.formats.card import Kind

_GONE = (EOFError, ConnectionError, FileNotFoundError)
_END_SECONDS = 10.0
# What a program does to itself; SIGKILL comes from outside, and says nothing about the inputs.
_CRASHES = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP}
)

_log = logging.getLogger(__name__)


class WorkerClient:
    """Opens models in worker processes.

    Args:
        workers: threads that call a model.
        bounds: what the calls of one process may take.
    """

    def __init__(self, workers: int, bounds: Bounds = NO_BOUNDS) -> None:
        self._workers = workers
        self._bounds = bounds
        self._shared: _WorkerProcess | None = None
        self._deadly: set[str] = set()
        self._lock = threading.Lock()

    def open(
        self, kind: Kind, data: bytes, inputs: Sequence[str], outputs: Sequence[str]
    ) -> Engine:
        """Return the engine that runs the model in `data`.

        Raises:
            InvalidModel: it cannot be run.
        """
        digest = hashlib.sha256(data).hexdigest()
        process = self._join(kind, digest)
        try:
            with _reporting_the_end(process):
                model = process.worker.open(kind, data, tuple(inputs), tuple(outputs))
                functions = model.describe()
        except EngineGone as error:
            self._leave(process)
            raise InvalidModel(str(error)) from error
        except BaseException:
            self._leave(process)
            raise
        return _Engine(
            process,
            model,
            functions,
            leave=functools.partial(self._leave, process),
            accuse=functools.partial(self._deadly.add, digest),
        )

    def _join(self, kind: Kind, digest: str) -> "_WorkerProcess":
        """Return the process for a model: the one that TensorFlow's share, or one of its own."""
        alone = kind is Kind.TFLITE or digest in self._deadly
        with self._lock:
            if alone:
                process = _WorkerProcess(self._workers, self._bounds, _RUNTIMES[kind])
            else:
                if self._shared is None or self._shared.ended:
                    self._shared = _WorkerProcess(self._workers, self._bounds, _RUNTIMES[kind])
                process = self._shared
            process.models += 1
        return process

    def _leave(self, process: "_WorkerProcess") -> None:
        """End the process with its last model."""
        with self._lock:
            process.models -= 1
            if process.models:
                return
            if self._shared is process:
                self._shared = None
        process.end()


_RUNTIMES: Mapping[Kind, str] = {
    Kind.TFLITE: "LiteRT",
    Kind.FROZEN_GRAPH: "TensorFlow",
    Kind.SAVED_MODEL: "TensorFlow",
}


class _WorkerProcess:
    """A Python that runs `worker_server`, and ends when this one does.

    Args:
        workers: threads that call a model.
        bounds: what its calls may take.
        runtime: what it runs, for messages.

    Attributes:
        worker: opens models there.
        models: how many it has.
        calls: those that it is computing.

    Raises:
        InvalidModel: it ended before it could open any.
    """

    def __init__(self, workers: int, bounds: Bounds, runtime: str) -> None:
        self._runtime = runtime
        key = secrets.token_bytes(KEY_BYTES)
        self._folder = tempfile.TemporaryDirectory(prefix="classify-")
        self._child = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", "meshlens.classify.engines.worker_server", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach only the service, which drains first
        )
        self._log = threading.Thread(target=self._log_lines, name="worker-log", daemon=True)
        self._log.start()
        self.models = 0
        self.calls = Calls(self._child.kill)
        try:
            with _reporting_the_end(self):
                self.worker = self._connect(key, workers, bounds)
        except EngineGone as error:
            self.end()
            raise InvalidModel(str(error)) from error
        except BaseException:
            self.end()
            raise
        _log.info("%s runs in process %d", runtime, self._child.pid)

    def _connect(self, key: bytes, workers: int, bounds: Bounds) -> Worker:
        """Return its worker once it listens."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        assert self._child.stdout is not None  # noqa: S101 - the same
        with self._child.stdout as stdout:
            self._child.stdin.write(key)
            self._child.stdin.flush()
            stdout.readline()
        manager = WorkerManager(f"{self._folder.name}/socket", authkey=key)
        manager.connect()
        worker: Worker = manager.Worker(workers, bounds)  # type: ignore[attr-defined] # registered by name
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
        self.calls.end()
        self._log.join()
        self._folder.cleanup()
        _log.info("%s's process %d has ended", self._runtime, self._child.pid)

    def explain_end(self, call: int | None) -> EngineGone:
        """Return why it ended during a call, once its connections have been closed."""
        if call is not None:
            self.calls.fail(call)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_SECONDS)
        code = self._child.poll()
        ended = f"{self._runtime}'s process {self._child.pid} has ended with code {code}"
        if call is not None and self.calls.was_late(call):
            return ModelTooSlow(
                "the model must answer within the time of the request",
                got="no answer; its process was ended",
                remedy="send less at once, or give the request more time",
            )
        if call is not None and self.calls.was_alone(call) and -(code or 0) in _CRASHES:
            return EngineCrashed(
                f"the model cannot compute with these inputs: {ended}"
                f" ({signal.Signals(-(code or 0)).name})",
                remedy="send other inputs, or correct the model; it is being restarted",
            )
        return EngineGone(f"{ended}; it is being restarted: try again in a moment")

    def _log_lines(self) -> None:
        """Log each line that the process and TensorFlow write to stderr."""
        assert self._child.stderr is not None  # noqa: S101 - for the type checker
        with self._child.stderr as stderr:
            for line in stderr:
                _log.debug(
                    "%s's process: %s", self._runtime, line.decode(errors="replace").rstrip()
                )


class _Engine:
    """A model in the worker process."""

    def __init__(
        self,
        process: _WorkerProcess,
        model: Any,  # noqa: ANN401 - a proxy of RemoteModel
        functions: Mapping[str, tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]],
        *,
        leave: Callable[[], None],
        accuse: Callable[[], None],
    ) -> None:
        self._process = process
        self._model = model
        self._leave = leave
        self._functions = {
            name: _Function(process, model, name, accuse, *specs)
            for name, specs in functions.items()
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
    accuse: Callable[[], None]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            EngineGone: the process has ended.
            EngineCrashed: it has ended because of these arrays.
            ModelTooSlow: it was ended because it did not answer in time.
            NotEnoughMemory, OutputTooLarge: the call takes more than it may.
        """
        try:
            with self.process.calls.call() as call, _reporting_the_end(self.process, call):
                answers: dict[str, Tensor] = self.model.run(self.name, dict(tensors))
                return answers
        except (EngineCrashed, ModelTooSlow):
            self.accuse()
            raise


@contextmanager
def _reporting_the_end(process: _WorkerProcess, call: int | None = None) -> Iterator[None]:
    try:
        yield
    except _GONE as error:
        raise process.explain_end(call) from error
