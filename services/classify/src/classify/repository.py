"""The models of one folder: loaded in the background, each version with a life of its own.

    START -> LOADING -> AVAILABLE -> UNLOADING -> END
                  `--> END with an error; tried again after a while

A new version is asked once it is AVAILABLE, and only then the versions that the policy does not
want any more are unloaded, when nobody uses them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from classify.cards import Kind
from classify.classifier import Classifier
from classify.engines.opening import OpenEngine
from classify.errors import (
    ClassifyError,
    InvalidModel,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    NoModels,
)
from classify.loading import (
    Fetch,
    Loaded,
    decode_file,
    gently,
    give_memory_back,
    open_model,
    read_model,
    trim_memory,
)
from classify.policy import STABLE, Policy
from classify.sources import Source, find_models

_FIRST_RETRY, _LAST_RETRY = 5.0, 300.0

_log = logging.getLogger(__name__)


class State(StrEnum):
    """Where a version of a model is in its life, by the names of TensorFlow Serving."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


_ON_ITS_WAY = frozenset({State.START, State.LOADING})


@dataclass(frozen=True, slots=True)
class Servable:
    """One version of a model at one moment.

    Attributes:
        source: where it comes from.
        state: where it is in its life.
        error: why loading it failed, empty if it did not.
        loaded: answers while the state is AVAILABLE.
    """

    source: Source
    state: State = State.START
    error: str = ""
    loaded: Loaded | None = None

    @property
    def classifier(self) -> Classifier | None:
        """Names what pictures show, None if the model does not or is not AVAILABLE."""
        return self.loaded.classifier if self.loaded else None


OnChange = Callable[[Servable], None]


@dataclass(slots=True, eq=False)
class _Version:
    """What changes in the life of a version; guarded by the repository's lock."""

    source: Source
    state: State = State.START
    error: str = ""
    loaded: Loaded | None = None
    users: int = 0
    used: float = 0.0
    failures: int = 0
    retry_at: float = 0.0
    evicted: bool = False
    asked: bool | None = None
    """Whether somebody has asked for it to be loaded or unloaded, whatever the policy says."""

    @property
    def number(self) -> int:
        return int(self.source.version)

    def now(self) -> Servable:
        return Servable(self.source, self.state, self.error, self.loaded)


class Repository:
    """Loads the models of a folder and says which can be asked.

    Args:
        folder: the models.
        open_engine: makes an engine from the bytes of a model.
        default: name of the model for requests that name none. If empty, the one that tells
            the most apart: it names the most labels, and is the largest among equals.
        policy: which versions are wanted, and their labels.
        budget: bytes of all loaded models, 0 for no limit. The one that was not used for
            longest is unloaded for another one, and loaded again when it is asked.
        fetch: returns the bytes of a model.

    Raises:
        NoModels: the folder holds none.
        ModelNotFound: none of them is called `default`.

    Attributes:
        default: name of the model for requests that name none.
        evictions: versions unloaded because of the budget so far.
    """

    def __init__(
        self,
        folder: Path,
        open_engine: OpenEngine,
        *,
        default: str = "",
        policy: Policy | None = None,
        budget: int = 0,
        fetch: Fetch = read_model,
    ) -> None:
        self._folder = folder
        self._open_engine = open_engine
        self._policy = policy or Policy()
        self._budget = budget
        self._fetch = fetch
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._changed = threading.Condition(threading.RLock())
        self._loading = threading.RLock()
        self._on_change: OnChange = lambda _: None
        self._was_ready = False
        self._models: dict[str, dict[str, _Version]] = {}
        self.evictions = 0
        self._add(find_models(folder))
        if not self._models:
            raise NoModels(folder)
        self.default = default or self._find_broadest()
        self._look_up(self.default)

    # What there is

    def servables(self, name: str = "") -> tuple[Servable, ...]:
        """Return every version as it is now, the newest of a model first.

        Args:
            name: of a model; all of them if it is empty.

        Raises:
            ModelNotFound: there is none of that name.
        """
        with self._changed:
            names = [name] if name else sorted(self._models)
            return tuple(
                version.now() for name in names for version in _newest(self._look_up(name))
            )

    @property
    def ready(self) -> bool:
        """Whether the default model can be asked, and nothing is still awaited for the first time.

        What changes later does not make a service unready that can answer.
        """
        with self._changed:
            if not _answering(self._models.get(self.default, {}).values()):
                return False
            self._was_ready = self._was_ready or not any(
                version.state in _ON_ITS_WAY
                for versions in self._models.values()
                for version in self._wanted(versions)
            )
            return self._was_ready

    def answers(self, name: str) -> bool:
        """Return whether a version of the model can be asked."""
        with self._changed:
            return _answering(self._models.get(name, {}).values())

    def describe(self, name: str, version: str = "") -> Servable:
        """Return a version as it is now, the one that would answer if `version` is empty.

        Raises:
            ModelNotFound: there is none.
        """
        with self._changed:
            return self._find(name, version).now()

    # Asking

    @contextmanager
    def lease(self, name: str = "", version: str = "") -> Iterator[Servable]:
        """Keep a version loaded for as long as it is used.

        Args:
            name: of the model; the default one if it is empty.
            version: its number or label; if empty the one labelled stable, else the newest
                that is AVAILABLE.

        Raises:
            ModelNotFound: no model has that name, or not that version.
            ModelNotReady: it is not AVAILABLE yet.
            ModelFailed: it will not be AVAILABLE by waiting.
        """
        with self._changed:
            found = self._find(name or self.default, version)
            found.used = time.monotonic()
            if found.state is State.END and found.evicted:
                found.state = State.START
                self._wake.set()
            if found.state in _ON_ITS_WAY:
                raise ModelNotReady(found.source.model, found.state)
            if found.state is not State.AVAILABLE:
                reason = found.error or "it was unloaded"
                raise ModelFailed(found.source.model, found.state, reason)
            found.users += 1
            now = found.now()
        try:
            yield now
        finally:
            with self._changed:
                found.users -= 1
                self._changed.notify_all()

    def get(self, name: str = "", version: str = "") -> tuple[Source, Classifier]:
        """Return a classifier that nobody unloads meanwhile: for a command that loads one model.

        Raises:
            ModelFailed: the model classifies no pictures; and what `lease` raises.
        """
        with self.lease(name, version) as servable:
            if servable.classifier is None:
                model = servable.source.model
                raise ModelFailed(model, servable.state, "it does not classify pictures")
            return servable.source, servable.classifier

    # Changing

    def start(self, on_change: OnChange) -> None:
        """Load every version that the policy wants in the background, the default model first.

        Args:
            on_change: told of every new state, on the thread that changes it.
        """
        self._on_change = on_change
        threading.Thread(target=self._work, name="loader", daemon=True).start()

    def stop(self) -> None:
        """Begin no further load; a model that is loading now stays LOADING."""
        self._stopped.set()
        self._wake.set()

    def load(self, name: str, version: str = "", on_change: OnChange | None = None) -> Servable:
        """Load a version and return what became of it; a failure is its state, not an exception.

        Raises:
            ModelNotFound: there is none.
        """
        with self._changed:
            found = self._find(name, version)
            found.asked = True if version else found.asked
            found.failures = 0
        self._bring_up(found, on_change or self._on_change)
        return found.now()

    def unload(self, name: str, version: str) -> Servable:
        """Unload a version once nobody uses it, and return what became of it.

        Raises:
            ModelNotFound: there is none.
        """
        with self._changed:
            found = self._find(name, version)
            found.asked = False
        with self._loading:
            self._take_down(found)
        return found.now()

    def refresh(self, sources: Iterable[Source]) -> None:
        """Take up versions that have come and unload those that have gone.

        Args:
            sources: all that there are now.
        """
        with self._changed:
            there = {(source.model, source.version): source for source in sources}
            gone = [
                version
                for versions in self._models.values()
                for version in versions.values()
                if (version.source.model, version.source.version) not in there
            ]
            for version in gone:
                version.asked = False
            self._add(there.values())
        for version in gone:
            _log.info("model %s version %s is gone", version.source.model, version.source.version)
            threading.Thread(target=self._forget, args=(version,), daemon=True).start()
        self._wake.set()

    # How it is done

    def _add(self, sources: Iterable[Source]) -> None:
        for source in sources:
            versions = self._models.setdefault(source.model, {})
            known = versions.get(source.version)
            if known is None:
                versions[source.version] = _Version(source)
            elif known.state is State.END and known.source != source:
                versions[source.version] = _Version(source, asked=known.asked)

    def _work(self) -> None:
        """Load what is wanted, then whatever becomes so."""
        while not self._stopped.is_set():
            self._wake.clear()
            for version in self._due():
                if self._stopped.is_set():
                    return
                self._bring_up(version, self._on_change)
            self._wake.wait(self._until_retry())

    def _due(self) -> list[_Version]:
        """Return what should be loaded now, the default model first."""
        with self._changed:
            now = time.monotonic()
            due = [
                version
                for name in sorted(self._models, key=lambda name: (name != self.default, name))
                for version in self._wanted(self._models[name])
                if version.state is State.START
                or (version.state is State.END and version.error and version.retry_at <= now)
            ]
            evicted = [
                version
                for versions in self._models.values()
                for version in versions.values()
                if version.state is State.START and version.evicted and version not in due
            ]
            return due + evicted

    def _until_retry(self) -> float | None:
        with self._changed:
            times = [
                version.retry_at
                for versions in self._models.values()
                for version in self._wanted(versions)
                if version.state is State.END and version.error
            ]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _wanted(self, versions: Mapping[str, _Version]) -> list[_Version]:
        """Return the versions of one model that should be loaded, the newest first."""
        model = next(iter(versions.values())).source.model if versions else ""
        wanted = self._policy.choose(model, versions)
        return [
            version
            for version in _newest(versions)
            if version.asked or (version.asked is None and version.source.version in wanted)
        ]

    def _bring_up(self, version: _Version, on_change: OnChange) -> None:
        """Load one version; those that are not wanted any more go afterwards."""
        with self._loading:
            with self._changed:
                if version.state in (State.AVAILABLE, State.UNLOADING):
                    return
                # A failed version that is tried again stays failed until it is not.
                if not version.error or version.state is not State.END:
                    self._change(version, on_change, State.LOADING)
            try:
                loaded = self._open(version)
            except ClassifyError as error:
                self._fail(version, on_change, str(error))
            except Exception as error:  # noqa: BLE001 - one model's fault must not take the others along
                _log.exception("model %s could not be loaded", version.source.model)
                self._fail(version, on_change, f"unexpected {type(error).__name__}")
            else:
                self._change(version, on_change, State.AVAILABLE, loaded=loaded)
                trim_memory()
                if not self._stopped.is_set():
                    self._retire(version.source.model)

    def _open(self, version: _Version) -> Loaded:
        source = version.source
        kind = source.kind
        data = self._fetch(source)
        self._make_room(version, len(data))
        work = partial(open_model, source, data, self._open_engine, self._folder)
        # TensorFlow's own threads would inherit the low priority and keep it.
        return gently(work) if kind is Kind.TFLITE else work()

    def _retire(self, model: str) -> None:
        """Unload what the policy does not want, once all that it wants is AVAILABLE."""
        with self._changed:
            versions = self._models.get(model, {})
            wanted = self._wanted(versions)
            if any(version.state is not State.AVAILABLE for version in wanted):
                return
            labelled = self._policy.labelled(model)
            retired = [
                version
                for version in versions.values()
                if version.state is State.AVAILABLE
                and version not in wanted
                and version.source.version not in labelled
            ]
        for version in retired:
            threading.Thread(target=self._take_down, args=(version,), daemon=True).start()

    def _take_down(self, version: _Version) -> None:
        """Unload one version when the last one that uses it has finished."""
        with self._changed:
            if self._stopped.is_set():
                return
            if version.state is State.START:
                self._change(version, self._on_change, State.END)
            if version.state is not State.AVAILABLE:
                return
            self._change(version, self._on_change, State.UNLOADING, loaded=version.loaded)
            self._changed.wait_for(lambda: not version.users)
            loaded, version.loaded = version.loaded, None
        if loaded:
            loaded.engine.close()
        del loaded
        give_memory_back()
        self._change(version, self._on_change, State.END)

    def _forget(self, version: _Version) -> None:
        with self._loading:
            self._take_down(version)
        with self._changed:
            versions = self._models.get(version.source.model, {})
            if versions.get(version.source.version) is version:
                del versions[version.source.version]
            if not versions:
                self._models.pop(version.source.model, None)

    def _make_room(self, version: _Version, size: int) -> None:
        """Unload what was not used for longest until `size` bytes more are within the budget."""
        if not self._budget:
            return
        if size > self._budget:
            raise InvalidModel(
                f"the model has {size} bytes, the budget {self._budget}; raise MODEL_BUDGET"
            )
        while True:
            with self._changed:
                loaded = [
                    other
                    for versions in self._models.values()
                    for other in versions.values()
                    if other.loaded and other is not version
                ]
                if sum(other.loaded.size for other in loaded if other.loaded) + size <= (
                    self._budget
                ):
                    return
                oldest = min(
                    loaded, key=lambda other: (other.source.model == self.default, other.used)
                )
                oldest.evicted = True
                self.evictions += 1
            _log.warning(
                "model %s version %s is unloaded for %s: the budget is %d bytes, eviction %d",
                oldest.source.model,
                oldest.source.version,
                version.source.model,
                self._budget,
                self.evictions,
            )
            self._take_down(oldest)

    def _fail(self, version: _Version, on_change: OnChange, reason: str) -> None:
        with self._changed:
            delay = min(_FIRST_RETRY * 2**version.failures, _LAST_RETRY)
            version.failures = min(version.failures + 1, 10)
            version.retry_at = time.monotonic() + delay
            if version.state is State.END and version.error == reason:
                return
        self._change(version, on_change, State.END, reason)

    def _change(
        self,
        version: _Version,
        on_change: OnChange,
        state: State,
        error: str = "",
        loaded: Loaded | None = None,
    ) -> None:
        with self._changed:
            if self._stopped.is_set():
                return
            version.state, version.error, version.loaded = state, error, loaded
            if state is State.AVAILABLE:
                version.evicted, version.failures = False, 0
            now = version.now()
            self._changed.notify_all()
        _tell(now)
        on_change(now)

    def _find(self, name: str, version: str) -> _Version:
        """Return the version that a request means."""
        versions = self._look_up(name)
        labelled = self._policy.labels.get(name, {})
        if not version and STABLE in labelled:
            version = STABLE
        number = labelled.get(version, version)
        if number:
            if number not in versions:
                known = [f"{name}@{known}" for known in (*versions, *labelled)]
                raise ModelNotFound(f"{name}@{version}", known)
            return versions[number]
        wanted = self._wanted(versions)
        ranked = [
            [version for version in _newest(versions) if version.state is State.AVAILABLE],
            [version for version in wanted if version.state in _ON_ITS_WAY],
            wanted,
            _newest(versions),
        ]
        return next(some[0] for some in ranked if some)

    def _find_broadest(self) -> str:
        """Return the name of the model with the most labels, which takes a look into each."""
        if len(self._models) == 1:
            return next(iter(self._models))

        def breadth(name: str) -> tuple[int, int]:
            source = _newest(self._look_up(name))[0].source
            try:
                labels = source.labels(self._folder)
                if source.kind is not Kind.TFLITE or not source.path.exists():
                    return len(labels), 0
                data = source.path.read_bytes()
                return len(decode_file(source, data).labels or labels), len(data)
            except (InvalidModel, OSError):
                return (0, 0)

        return max(sorted(self._models), key=breadth)

    def _look_up(self, name: str) -> dict[str, _Version]:
        versions = self._models.get(name)
        if not versions:
            raise ModelNotFound(name, sorted(self._models))
        return versions


def _newest(versions: Mapping[str, _Version]) -> list[_Version]:
    return sorted(versions.values(), key=lambda version: -version.number)


def _answering(versions: Iterable[_Version]) -> bool:
    return any(version.state is State.AVAILABLE for version in versions)


def _tell(servable: Servable) -> None:
    source = servable.source
    if servable.error:
        _log.error("model %s version %s failed: %s", source.model, source.version, servable.error)
    else:
        _log.info("model %s version %s is %s", source.model, source.version, servable.state)
