"""The models of shadows, each in a worker process of its own that gets what no other one needs.

A shadow shares no process with what answers: one that hangs is ended with its process, and what it
takes of memory is bounded there.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

from meshlens.classify.engines.bounds import within
from meshlens.classify.engines.opening import OpenEngine
from meshlens.classify.errors import ClassifyError, EngineGone, ModelFailed
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import FIRST_RETRY, LAST_RETRY, State
from meshlens.classify.storage.source import Source

# Seconds; as long as a version that answers may take.
_LONGEST_WARM_UP = 300.0


@dataclass(slots=True)
class _Opened:
    """A shadow's model.

    Attributes:
        source: where it comes from.
        loaded: answers; None if it has failed.
        failures: how often in a row.
        retry_at: when it is opened again, by the monotonic clock.
        error: why it has failed.
    """

    source: Source
    loaded: Loaded | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""


class ShadowEngines:
    """The models of shadows, opened when they are first asked; for one thread.

    Args:
        repository: the versions.
        open_engine: makes an engine in a process that nothing else uses.
    """

    def __init__(self, repository: Repository, open_engine: OpenEngine) -> None:
        self._repository = repository
        self._open_engine = open_engine
        self._opened: dict[str, _Opened] = {}

    def find(self, model: str, version: str) -> Loaded:
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
        if known.loaded is not None:
            return known.loaded
        if time.monotonic() < known.retry_at:
            raise ModelFailed(model, State.END, known.error)
        try:
            with within(_LONGEST_WARM_UP):
                known.loaded = self._repository.open_apart(source, self._open_engine)
        except ClassifyError as error:
            _fail(known, error)
            raise
        return known.loaded

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
    loaded, known.loaded = known.loaded, None
    if loaded:
        with suppress(EngineGone):  # then it has ended already
            loaded.engine.close()
