"""The versions of all models: where each is in its life, which is meant and which are wanted.

START -> LOADING -> AVAILABLE -> UNLOADING -> END
`--> END with an error; tried again after a while
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meshlens.classify.errors import ModelNotFound
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.policy import STABLE, Policy
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.lens import Lens


class State(StrEnum):
    """Where a version of a model is in its life, by the names of TensorFlow Serving."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


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
    def lens(self) -> Lens[Any, Any] | None:
        """What the model is used for, None unless it is AVAILABLE."""
        return self.loaded.lens if self.loaded else None


@dataclass(slots=True, eq=False)
class Version:
    """What changes in the life of a version; guarded by `Versions.changed`.

    Attributes:
        source: where it comes from.
        state: where it is in its life.
        error: why loading it failed, empty if it did not.
        loaded: what answers.
        users: how many requests use it now.
        used: when one asked for it last, by the monotonic clock.
        failures: how often loading it has failed in a row.
        retry_at: when it is tried again, by the monotonic clock.
        evicted: whether it had to make room and comes back when it is asked.
        asked: whether somebody wants it loaded or unloaded, whatever the policy says.
    """

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

    @property
    def on_its_way(self) -> bool:
        """Whether waiting is all it takes."""
        return self.state in (State.START, State.LOADING)

    @property
    def available(self) -> bool:
        """Whether it can be asked."""
        return self.state is State.AVAILABLE

    @property
    def failed(self) -> bool:
        """Whether loading it has failed, so that it is tried again."""
        return self.state is State.END and bool(self.error)

    def now(self) -> Servable:
        """Return it as it is at this moment."""
        return Servable(self.source, self.state, self.error, self.loaded)


class Versions:
    """Every version of every model. Whoever asks or changes one holds `changed`.

    Args:
        policy: which versions are wanted, and their labels.

    Attributes:
        policy: the same.
        changed: the lock; notified of every change.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.changed = threading.Condition(threading.RLock())
        self._models: dict[str, dict[str, Version]] = {}

    @property
    def names(self) -> list[str]:
        """The models' names, sorted."""
        return sorted(self._models)

    def __iter__(self) -> Iterator[Version]:
        return (version for name in self.names for version in self.of(name))

    def of(self, name: str) -> list[Version]:
        """Return the versions of the model called `name`, the newest first, none if unknown."""
        return _newest(self._models.get(name, {}))

    def add(self, sources: Iterable[Source]) -> None:
        """Take up what is new, and what has changed since it was unloaded."""
        for source in sources:
            versions = self._models.setdefault(source.model, {})
            known = versions.get(source.version)
            if known is None:
                versions[source.version] = Version(source)
            elif known.state is State.END and known.source != source:
                versions[source.version] = Version(source, asked=known.asked)

    def remove(self, version: Version) -> None:
        """Forget a version, unless another one stands in its place by now."""
        source = version.source
        versions = self._models.get(source.model, {})
        if versions.get(source.version) is version:
            del versions[source.version]
        if not versions:
            self._models.pop(source.model, None)

    def look_up(self, name: str) -> list[Version]:
        """Return the versions of the model called `name`, the newest first.

        Raises:
            ModelNotFound: there is none of that name.
        """
        if name not in self._models:
            raise ModelNotFound(name, self.names)
        return self.of(name)

    def find(self, name: str, version: str) -> Version:
        """Return the version that a request means.

        Args:
            name: of the model.
            version: its number or label; if empty the one labelled stable, else the newest that
                is AVAILABLE, else the one that will be.

        Raises:
            ModelNotFound: no model has that name, or not that version.
        """
        versions = self.look_up(name)
        labelled = self.policy.labels.get(name, {})
        if not version and STABLE in labelled:
            version = STABLE
        number = labelled.get(version, version)
        if number:
            numbered = self._models[name]
            if number not in numbered:
                known = [f"{name}@{known}" for known in (*numbered, *labelled)]
                raise ModelNotFound(f"{name}@{version}", known)
            return numbered[number]
        wanted = self.wanted(name)
        ranked = [
            [version for version in versions if version.available],
            [version for version in wanted if version.on_its_way],
            wanted,
            versions,
        ]
        return next(some[0] for some in ranked if some)

    def wanted(self, name: str) -> list[Version]:
        """Return the versions of one model that should be loaded, the newest first."""
        chosen = self.policy.choose(name, self._models.get(name, {}))
        return [
            version
            for version in self.of(name)
            if version.asked or (version.asked is None and version.source.version in chosen)
        ]

    def due(self, first: str) -> list[Version]:
        """Return what should be loaded now, the model called `first` before the others."""
        now = time.monotonic()
        due = [
            version
            for name in sorted(self.names, key=lambda name: name != first)
            for version in self.wanted(name)
            if version.state is State.START or (version.failed and version.retry_at <= now)
        ]
        asked_again = [
            version
            for version in self
            if version.state is State.START and version.evicted and version not in due
        ]
        return due + asked_again

    def until_retry(self) -> float | None:
        """Return the seconds until a failed version is tried again, None if there is none."""
        times = [
            version.retry_at
            for name in self._models
            for version in self.wanted(name)
            if version.failed
        ]
        return max(0.0, min(times) - time.monotonic()) if times else None


def _newest(versions: Mapping[str, Version]) -> list[Version]:
    return sorted(versions.values(), key=lambda version: -int(version.source.version))
