"""Executes the decisions of `policy`: one thread takes the steps, others do the slow work."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from meshlens.classify.engines.bounds import within
from meshlens.classify.engines.engine import Mortal, OpenEngine
from meshlens.classify.errors import ClassifyError, InvalidModel
from meshlens.classify.memory import give_memory_back, trim_memory
from meshlens.classify.serving.opening import (
    Loaded,
    Prepared,
    Vouch,
    open_model,
    prepare,
    trust,
)
from meshlens.classify.serving.policy import Mode, Rules, next_action
from meshlens.classify.serving.registry import Registry
from meshlens.classify.serving.steps import (
    Admit,
    Close,
    Evict,
    Forget,
    Key,
    Load,
    Step,
    WaitUntil,
)
from meshlens.classify.serving.versions import Servable, Version
from meshlens.classify.storage.source import Fetch, Source

# Seconds; a model that computes for longer would keep all others from being loaded.
_LONGEST_WARM_UP = 300.0

_log = logging.getLogger(__name__)

OnChange = Callable[[Servable], None]


@dataclass(frozen=True, slots=True)
class Loads:
    """The loads of one version.

    Attributes:
        succeeded: how many have ended with one that answers.
        failed: how many have not.
        seconds: that all of them have taken together, without waiting for room.
    """

    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0


class Loader:
    """Loads and unloads the versions of a registry.

    A step is decided and its transition made under the registry's lock. Fetching and opening run
    on a thread of their own, closing on another: so neither keeps the next step waiting.

    Args:
        registry: the versions.
        folder: the models.
        open_engine: creates an engine from the bytes of a model.
        rules: the rules from the settings.
        fetch: returns the bytes of a model.
        vouch: verifies who made a model.

    Attributes:
        evictions: versions unloaded to make room so far.
        loads: what loading each version has taken so far, by model and number.
    """

    def __init__(
        self,
        registry: Registry,
        folder: Path,
        open_engine: OpenEngine,
        *,
        rules: Rules,
        fetch: Fetch,
        vouch: Vouch = trust,
    ) -> None:
        self._registry = registry
        self._changed = registry.changed
        self._folder = folder
        self._open_engine = open_engine
        self._rules = replace(rules, mode=Mode.ON_CALL)
        self._fetch = fetch
        self._vouch = vouch
        self._on_change: OnChange = lambda _: None
        self._news: deque[tuple[Servable, bool]] = deque()
        self._delivering = threading.Lock()
        self.evictions = 0
        self.loads: dict[tuple[str, str], Loads] = {}
        self._fetching: dict[Key, float] = {}

    def start(self, on_change: OnChange) -> None:
        """Keep the wanted versions loaded, in the background.

        Args:
            on_change: called with every new state, and once more when a version is forgotten, one
                at a time and in order.
        """
        self._on_change = on_change
        with self._changed:
            self._rules = replace(self._rules, mode=Mode.AUTOMATIC)
            self._changed.notify_all()
        threading.Thread(
            target=self._work, args=(lambda: self._stopped,), name="lifecycle", daemon=True
        ).start()

    def stop(self) -> None:
        """Stop making changes; a model that is loading now stays LOADING."""
        with self._changed:
            self._rules = replace(self._rules, mode=Mode.STOPPED)
            self._registry.leaving = True
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Return when `condition` holds or the loader is stopped.

        Before `start`, the calling thread takes the steps itself.
        """
        with self._changed:
            on_call = self._rules.mode is Mode.ON_CALL
            self._changed.notify_all()
        if on_call:
            self._work(lambda: condition() or self._rules.mode is not Mode.ON_CALL)
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._stopped)
        self._deliver()

    def lose(self, version: Version, lost: Loaded | None, reason: str) -> None:
        """Reload a version whose engine has died, unless that has been noticed already."""
        with self._changed:
            if self._stopped or version.loaded is not lost or not version.available:
                return
            self._change(version, version.lost)
        model, number, _ = version.key
        _log.error("model %s version %s is lost: %s", model, number, reason)
        self._deliver()
        if lost:
            lost.engine.close()

    def prepare_apart(self, source: Source) -> Prepared:
        """Return a version that is to be opened beside those of the registry, as they are.

        Args:
            source: where it comes from.

        Raises:
            InvalidModel: it cannot be used.
        """
        if source.card.chain:
            raise InvalidModel(
                "only a version that joins no others can be a shadow",
                got="a chain",
                remedy="shadow the models that it joins",
            )
        return prepare(source, self._fetch(source), self._folder, vouch=self._vouch)

    @property
    def _stopped(self) -> bool:
        return self._rules.mode is Mode.STOPPED

    def _work(self, until: Callable[[], bool]) -> None:
        """Take steps until a condition holds."""
        while True:
            with self._changed:
                if until():
                    return
                now = time.monotonic()
                rules = replace(self._rules, versions=self._registry.policy)
                action = next_action(self._registry.snapshots(), rules, now)
                if action is None:
                    self._changed.wait()
                    continue
                if isinstance(action, WaitUntil):
                    self._changed.wait(action.time - now)
                    continue
                self._take(action, now)
            self._deliver()

    def _take(self, step: Step, now: float) -> None:
        """Take a step, leaving slow work to another thread; the caller holds the lock."""
        version = self._registry[step.version]
        self._change(version, lambda: version.take(step, now))
        match step:
            case Load():
                self._run("loader", self._fetch_data, version)
            case Admit():
                self._run("loader", self._open, version)
            case Close():
                self._run("unloader", self._close, version)
            case Evict():
                self.evictions += 1
                _log.warning(
                    "model %s version %s is unloaded for %s: the budget is %d bytes, eviction %d",
                    *version.key[:2],
                    step.for_.model,
                    self._rules.budget,
                    self.evictions,
                )
            case Forget():
                self._registry.remove(step.version)
                if not self._registry.contents(*step.version[:2]):
                    self.loads.pop(step.version[:2], None)
                self._news.append((version.now(), False))

    def _run(self, name: str, work: Callable[[Version], None], version: Version) -> None:
        threading.Thread(target=work, args=(version,), name=name, daemon=True).start()

    def _fetch_data(self, version: Version) -> None:
        def work() -> None:
            began = time.perf_counter()
            data = self._fetch(version.source)
            self._fetching[version.key] = time.perf_counter() - began
            self._record(version, lambda: version.fetched(data))

        self._attempt(version, work)

    def _open(self, version: Version) -> None:
        began = time.perf_counter()

        def work() -> None:
            data = version.take_data()
            with within(_LONGEST_WARM_UP):
                loaded: Loaded = open_model(
                    version.source, data, self._open_engine, self._folder, vouch=self._vouch
                )
            self._record(version, lambda: version.opened(loaded))
            self._count(version, began, failed=False)
            if isinstance(loaded.engine, Mortal):
                loaded.engine.when_it_dies(lambda reason: self.lose(version, loaded, reason))

        # At normal priority: while a starved thread holds the GIL, nothing else runs.
        self._attempt(version, work)
        trim_memory()

    def _attempt(self, version: Version, work: Callable[[], None]) -> None:
        began = time.perf_counter()
        try:
            work()
        except ClassifyError as error:
            self._count(version, began, failed=True)
            self._fail(version, str(error))
        except Exception as error:  # noqa: BLE001 - one model's fault must not end the others' loads
            self._count(version, began, failed=True)
            _log.exception("model %s could not be loaded", version.source.model)
            self._fail(version, f"unexpected {type(error).__name__}")

    def _count(self, version: Version, began: float, *, failed: bool) -> None:
        """Count a load that has ended now, and the seconds that fetching and opening have taken."""
        seconds = self._fetching.pop(version.key, 0.0) + time.perf_counter() - began
        known = self.loads.get(version.key[:2], Loads())
        self.loads[version.key[:2]] = Loads(
            known.succeeded + (not failed), known.failed + failed, known.seconds + seconds
        )

    def _fail(self, version: Version, reason: str) -> None:
        self._record(version, lambda: version.failed(reason, time.monotonic()))

    def _close(self, version: Version) -> None:
        loaded = version.take_loaded()
        try:
            if loaded:
                loaded.engine.close()
        finally:
            del loaded
            give_memory_back()
            self._record(version, version.ended)

    def _record(self, version: Version, transition: Callable[[], None]) -> None:
        """Make the transition that follows finished work, unless the loader is stopped."""
        with self._changed:
            if self._stopped:
                return
            self._change(version, transition)
        self._deliver()

    def _change(self, version: Version, transition: Callable[[], None]) -> None:
        """Make a transition and note the new state, if callers see one; hold the lock."""
        before = version.state, version.error
        transition()
        self._registry.note_completion(self._rules.default)
        if before != (version.state, version.error):
            self._news.append((version.now(), True))
        self._changed.notify_all()

    def _deliver(self) -> None:
        """Report new states, one at a time and in order; the caller must not hold the lock."""
        with self._delivering:
            while self._news:
                servable, is_new = self._news.popleft()
                self._on_change(servable)
                if is_new:
                    _log_state(servable)


def _log_state(servable: Servable) -> None:
    source = servable.source
    if servable.error:
        _log.error("model %s version %s failed: %s", source.model, source.version, servable.error)
    else:
        _log.info("model %s version %s is %s", source.model, source.version, servable.state)
