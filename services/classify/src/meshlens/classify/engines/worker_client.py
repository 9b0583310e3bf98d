"""Models in worker processes: the side of the service.

TensorFlow's models share one: importing it and loading its models hold the GIL for hundreds of
milliseconds, in which no other model would answer; its memory is returned only when a process ends;
and a crash of it would take everything else along. So the first such model starts a process, and
the last one ends it. A model that has ended it once gets a process of its own, and so does each
.tflite model that may end one or is large.
"""

import functools
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds
from meshlens.classify.engines.engine import Engine, Signature, Tensor, TensorSpec
from meshlens.classify.engines.worker_process import OnEnd, WorkerProcess, reporting_the_end
from meshlens.classify.engines.worker_server import WorkerManager
from meshlens.classify.errors import EngineCrashed, EngineGone, InvalidModel, ModelTooSlow
from meshlens.classify.formats.card import Kind


class WorkerClient:
    """Opens models in worker processes.

    Args:
        workers: threads that call a model.
        bounds: what the calls of one process may take.
    """

    def __init__(self, workers: int, bounds: Bounds = NO_BOUNDS) -> None:
        self._workers = workers
        self._bounds = bounds
        self._shared: WorkerProcess | None = None
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
            with reporting_the_end(process):
                number = process.send(data)
                model = process.worker.open(kind, number, tuple(inputs), tuple(outputs))
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

    def _join(self, kind: Kind, digest: str) -> "WorkerProcess":
        """Return the process for a model: the one that TensorFlow's share, or one of its own."""
        if kind is Kind.TFLITE or digest in self._deadly:
            process = self._begin(kind)
            process.models += 1
            return process
        with self._lock:
            if self._shared is None or self._shared.ended:
                self._shared = self._begin(kind)
            self._shared.models += 1
            return self._shared

    def _begin(self, kind: Kind) -> WorkerProcess:
        return WorkerProcess(WorkerManager, (self._workers, self._bounds), RUNTIMES[kind])

    def _leave(self, process: "WorkerProcess") -> None:
        """End the process with its last model."""
        with self._lock:
            process.models -= 1
            if process.models:
                return
            if self._shared is process:
                self._shared = None
        process.end()


RUNTIMES: Mapping[Kind, str] = {
    Kind.TFLITE: "LiteRT",
    Kind.FROZEN_GRAPH: "TensorFlow",
    Kind.SAVED_MODEL: "TensorFlow",
}


class _Engine:
    """A model in the worker process."""

    def __init__(
        self,
        process: WorkerProcess,
        model: Any,  # noqa: ANN401 - a proxy of RemoteModel
        functions: Mapping[str, tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]],
        *,
        leave: Callable[[], None],
        accuse: Callable[[], None],
    ) -> None:
        self._process = process
        self._model = model
        self._leave = leave
        self._tell: OnEnd = _ignore
        self._functions = {
            name: _Function(process, model, name, accuse, *specs)
            for name, specs in functions.items()
        }

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The functions of the model by name."""
        return self._functions

    @property
    def pid(self) -> int:
        """The number of the worker process."""
        return self._process.pid

    def when_it_dies(self, tell: OnEnd) -> None:
        """Call a function with the reason once its process has ended, or not if `close` came."""
        self._tell = tell
        self._process.watch(tell)

    def close(self) -> None:
        """Free the model's memory, and with the last model all of TensorFlow's."""
        self._process.leave(self._tell)
        self._functions.clear()
        with suppress(EngineGone), reporting_the_end(self._process):
            self._model.close()
        del self._model
        self._leave()


def _ignore(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of a model in the worker process."""

    process: WorkerProcess
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
            with self.process.calls.call() as call, reporting_the_end(self.process, call):
                answers: dict[str, Tensor] = self.model.run(self.name, dict(tensors))
                return answers
        except (EngineCrashed, ModelTooSlow):
            self.accuse()
            raise
