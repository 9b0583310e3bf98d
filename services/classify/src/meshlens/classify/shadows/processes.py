"""The models of shadows, each in a worker process of its own that gets what no other one needs.

A shadow shares no process with what answers: one that hangs is ended with its process, what it
takes of memory is bounded there, and all that is done for it is done there.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds, within
from meshlens.classify.engines.worker_client import RUNTIMES
from meshlens.classify.engines.worker_process import WorkerProcess, reporting_the_end
from meshlens.classify.errors import ClassifyError, EngineGone, InvalidModel, ModelFailed
from meshlens.classify.serving.opening import Prepared
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import FIRST_RETRY, LAST_RETRY, State
from meshlens.classify.shadows.agreement import Comparison
from meshlens.classify.shadows.asking import Ask, Contents
from meshlens.classify.shadows.served import ShadowManager
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.lens import Answer, Payload

# Seconds; as long as a version that answers may take.
_LONGEST_WARM_UP = 300.0


class ShadowProcess:
    """A version in a process of its own, which computes only while nothing else wants to.

    Its calls must be made `within` a time; after that it is ended.

    Args:
        prepared: the version.
        bounds: what its calls may take.

    Attributes:
        contents: what it consists of.
        taken: bytes of memory for its last input: fresh ones, or beyond what it had when it was
            opened; 0 where that is not known.

    Raises:
        InvalidModel: it cannot be used.
    """

    def __init__(self, prepared: Prepared, bounds: Bounds) -> None:
        runtime = RUNTIMES[prepared.source.kind]
        self._process = process = WorkerProcess(ShadowManager, (bounds,), runtime, last=True)
        try:
            with process.calls.call() as call, reporting_the_end(process, call):
                number = process.send(prepared.data)
                without = replace(prepared, data=b"")
                self.contents: Contents = process.worker.open(without, number)
            self._opened = process.measure_memory()
            self.taken = 0
        except EngineGone as error:
            process.end()
            raise InvalidModel(str(error)) from error
        except BaseException:
            process.end()
            raise

    def ask(
        self,
        ask: Ask,
        payload: Payload,
        options: Any,  # noqa: ANN401 - those of the method
        answer: Answer,
    ) -> tuple[Comparison, float]:
        """Return how far it agrees with an answer, and the seconds that its own took.

        Raises:
            ClassifyError: as `ask` does.
            EngineGone: the process has ended, by itself, by this call or because of its time.
            NotEnoughMemory: the call takes more than it may.
        """
        process = self._process
        before = process.measure_memory()
        try:
            with process.calls.call() as call, reporting_the_end(process, call):
                found: tuple[Comparison, float] = process.worker.ask(ask, payload, options, answer)
                return found
        finally:
            after = process.measure_memory()
            self.taken = max(after.given - before.given, after.held - self._opened.held, 0)

    def close(self) -> None:
        """End the process."""
        self._process.end()


@dataclass(slots=True)
class _Opened:
    """A shadow's model.

    Attributes:
        source: where it comes from.
        process: answers; None if it has failed.
        failures: how often in a row.
        retry_at: when it is opened again, by the monotonic clock.
        error: why it has failed.
    """

    source: Source
    process: ShadowProcess | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""


class ShadowProcesses:
    """The models of shadows, opened when they are first asked; for one thread.

    Args:
        repository: the versions.
        bounds: what the calls of each may take.
    """

    def __init__(self, repository: Repository, bounds: Bounds = NO_BOUNDS) -> None:
        self._repository = repository
        self._bounds = bounds
        self._opened: dict[str, _Opened] = {}

    def find(self, model: str, version: str) -> ShadowProcess:
        """Return a version, opened apart from those that answer.

        Raises:
            ModelNotFound: there is none.
            ModelFailed: it could not be opened, or has ended its process, and is tried again
                after a while.
            InvalidModel: it cannot be opened.
        """
        source = self._repository.find_source(model, version)
        known = self._opened.get(model)
        if known is None or known.source != source:
            self.close(model)
            known = self._opened[model] = _Opened(source)
        if known.process is not None:
            return known.process
        if time.monotonic() < known.retry_at:
            raise ModelFailed(model, State.END, known.error)
        try:
            prepared = self._repository.prepare_apart(source)
            with within(_LONGEST_WARM_UP):
                known.process = ShadowProcess(prepared, self._bounds)
        except ClassifyError as error:
            _fail(known, error)
            raise
        return known.process

    def note_answer(self, model: str) -> None:
        """Note that a model has answered."""
        self._opened[model].failures = 0

    def lose(self, model: str, error: EngineGone) -> None:
        """Note that the process of a model has ended; it is opened again after a while."""
        known = self._opened[model]
        _close(known)
        _fail(known, error)

    def close(self, model: str) -> None:
        """End the process of a model, if there is one."""
        known = self._opened.pop(model, None)
        if known:
            _close(known)

    def close_others(self) -> bool:
        """End what no rollout names as a shadow any more; return whether anything is left."""
        for model, known in tuple(self._opened.items()):
            shadow = self._repository.find_shadow(model)
            if shadow is None or shadow.version != known.source.version:
                self.close(model)
        return bool(self._opened)

    def close_all(self) -> None:
        """End all of them."""
        for model in tuple(self._opened):
            self.close(model)


def _fail(known: _Opened, error: ClassifyError) -> None:
    known.error = str(error)
    known.retry_at = time.monotonic() + min(FIRST_RETRY * 2**known.failures, LAST_RETRY)
    known.failures = min(known.failures + 1, 10)


def _close(known: _Opened) -> None:
    process, known.process = known.process, None
    if process:
        process.close()
