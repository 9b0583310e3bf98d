"""Every version of every model, and which of them a request means."""

import threading
from collections.abc import Iterable, Iterator

from meshlens.classify.errors import ModelNotFound
from meshlens.classify.serving.policy import Rules, find_wanted
from meshlens.classify.serving.stages import Stage
from meshlens.classify.serving.steps import Key, Snapshot
from meshlens.classify.serving.version_policy import STABLE, VersionPolicy
from meshlens.classify.serving.versions import Version
from meshlens.classify.storage.source import Source


class Registry:
    """The versions by model and number. Hold `changed` to read or to change one.

    Args:
        policy: which versions are wanted, and their labels.

    Attributes:
        policy: the same.
        changed: the lock; notified of every change that the lifecycle must react to.
    """

    def __init__(self, policy: VersionPolicy) -> None:
        self.policy = policy
        self.changed = threading.Condition()
        self._models: dict[str, dict[str, Version]] = {}

    @property
    def names(self) -> list[str]:
        """The models' names, sorted."""
        return sorted(self._models)

    def __iter__(self) -> Iterator[Version]:
        return (version for name in self.names for version in self.of(name))

    def __getitem__(self, key: Key) -> Version:
        return self._models[key.model][key.version]

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return every version as it is now, by model, the newest first."""
        return tuple(version.snapshot() for version in self)

    def of(self, name: str) -> list[Version]:
        """Return the versions of the model called `name`, the newest first; [] if unknown."""
        versions = self._models.get(name, {}).values()
        return sorted(versions, key=lambda version: -int(version.source.version))

    def update(self, sources: Iterable[Source]) -> None:
        """Replace the versions with `sources`; removed versions stay until unloaded.

        A loaded version keeps its source until it is unloaded.
        """
        there = {Key(source.model, source.version): source for source in sources}
        for version in self:
            version.gone = version.key not in there
        for (model, number), source in there.items():
            versions = self._models.setdefault(model, {})
            known = versions.get(number)
            if known is None:
                versions[number] = Version(source)
            elif known.stage in (Stage.START, Stage.END) and known.source != source:
                known.renew(source)

    def remove(self, key: Key) -> None:
        """Remove a version."""
        del self._models[key.model][key.version]
        if not self._models[key.model]:
            del self._models[key.model]

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
        for available in versions:
            if available.available:
                return available
        wanted = self.wanted(name)
        coming = [version for version in wanted if version.on_its_way]
        return next(iter(coming or wanted or versions))

    def wanted(self, name: str) -> list[Version]:
        """Return the versions of one model that should be loaded, the newest first."""
        versions = self.of(name)
        wanted = find_wanted((version.snapshot() for version in versions), Rules(self.policy))
        return [version for version in versions if version.key in wanted]
