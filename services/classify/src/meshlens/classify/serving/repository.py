"""The models of one folder: what there is, what can be asked, and how to change that."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from meshlens.classify.engines.opening import OpenEngine
from meshlens.classify.errors import EngineGone, InvalidModel, ModelFailed, ModelNotReady, NoModels
from meshlens.classify.formats.card import Kind, Task
from meshlens.classify.serving.budget import Budget
from meshlens.classify.serving.loader import Lifecycle, OnChange
from meshlens.classify.serving.opening import decode_file
from meshlens.classify.serving.policy import Policy
from meshlens.classify.serving.versions import Servable, State, Versions
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Fetch, Source, read_model
from meshlens.classify.tasks.classification.classifier import Classifier


class Repository:
    """Loads the models of a folder and says which can be asked.

    Args:
        folder: the models.
        open_engine: makes an engine from the bytes of a model.
        default: name of the model for requests that name none. If empty, of those that classify
            pictures the one that tells the most apart: it names the most labels, and is the
            largest among equals.
        policy: which versions are wanted, and their labels.
        budget: bytes of all loaded models, 0 for no limit. The one that was not used for
            longest is unloaded for another one, and loaded again when it is asked.
        fetch: returns the bytes of a model.

    Raises:
        NoModels: the folder holds none.
        ModelNotFound: none of them is called `default`.

    Attributes:
        default: name of the model for requests that name none.
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
        self._was_ready = False
        self._versions = Versions(policy or Policy())
        self._versions.add(find_models(folder))
        if not self._versions.names:
            raise NoModels(folder)
        self.default = default or self._find_broadest(folder)
        self._versions.look_up(self.default)
        self._lifecycle = Lifecycle(
            self._versions,
            folder,
            open_engine,
            default=self.default,
            budget=Budget(budget),
            fetch=fetch,
        )

    # What there is

    def servables(self, name: str = "") -> tuple[Servable, ...]:
        """Return every version as it is now, the newest of a model first.

        Args:
            name: of a model; all of them if it is empty.

        Raises:
            ModelNotFound: there is none of that name.
        """
        with self._versions.changed:
            names = [name] if name else self._versions.names
            return tuple(
                version.now() for name in names for version in self._versions.look_up(name)
            )

    @property
    def ready(self) -> bool:
        """Whether the default model can be asked, and nothing is still awaited for the first time.

        What changes later does not make a service unready that can answer.
        """
        with self._versions.changed:
            default = self._versions.of(self.default)
            # What has made room for others comes back when it is asked.
            if not any(it.available or (it.evicted and not it.error) for it in default):
                return False
            self._was_ready = self._was_ready or not any(
                version.on_its_way
                for name in self._versions.names
                for version in self._versions.wanted(name)
            )
            return self._was_ready

    def answers(self, name: str) -> bool:
        """Return whether a version of the model can be asked."""
        with self._versions.changed:
            return any(version.available for version in self._versions.of(name))

    def describe(self, name: str, version: str = "") -> Servable:
        """Return a version as it is now, the one that would answer if `version` is empty.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            return self._versions.find(name, version).now()

    @property
    def evictions(self) -> int:
        """How many versions have been unloaded because of the budget."""
        return self._lifecycle.evictions

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
            EngineGone: it was AVAILABLE, and comes back.
        """
        with self._versions.changed:
            found = self._versions.find(name or self.default, version)
            found.used = time.monotonic()
            if found.state is State.END and found.evicted:
                found.state = State.START
                self._lifecycle.look_again()
            if found.on_its_way:
                raise ModelNotReady(found.source.model, found.state)
            if not found.available:
                reason = found.error or "it was unloaded"
                raise ModelFailed(found.source.model, found.state, reason)
            found.users += 1
            now = found.now()
        try:
            yield now
        except EngineGone as error:
            self._lifecycle.lose(found, now, str(error))
            raise
        finally:
            with self._versions.changed:
                found.users -= 1
                self._versions.changed.notify_all()

    def get(self, name: str = "", version: str = "") -> tuple[Source, Classifier]:
        """Return a classifier that nobody unloads meanwhile: for a command that loads one model.

        Raises:
            ModelFailed: the model classifies no pictures; and what `lease` raises.
        """
        with self.lease(name, version) as servable:
            if not isinstance(servable.lens, Classifier):
                model = servable.source.model
                raise ModelFailed(model, servable.state, "it does not classify pictures")
            return servable.source, servable.lens

    # Changing

    def start(self, on_change: OnChange) -> None:
        """Load every version that the policy wants in the background, the default model first.

        Args:
            on_change: told of every new state, on the thread that changes it.
        """
        self._lifecycle.start(on_change)

    def stop(self) -> None:
        """Begin no further load; a model that is loading now stays LOADING."""
        self._lifecycle.stop()

    def load(self, name: str, version: str = "", on_change: OnChange | None = None) -> Servable:
        """Load a version and return what became of it; a failure is its state, not an exception.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            found = self._versions.find(name, version)
            found.asked = True if version else found.asked
            found.failures = 0
        self._lifecycle.bring_up(found, on_change)
        return found.now()

    def unload(self, name: str, version: str) -> Servable:
        """Unload a version once nobody uses it, and return what became of it.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            found = self._versions.find(name, version)
            found.asked = False
        self._lifecycle.take_down(found)
        return found.now()

    def refresh(self, sources: Iterable[Source]) -> None:
        """Take up versions that have come and unload those that have gone.

        Args:
            sources: all that there are now.
        """
        with self._versions.changed:
            there = {(source.model, source.version): source for source in sources}
            gone = [
                version
                for version in self._versions
                if (version.source.model, version.source.version) not in there
            ]
            for version in gone:
                version.asked = False
            self._versions.add(there.values())
        for version in gone:
            self._lifecycle.forget(version)
        self._lifecycle.look_again()

    def _find_broadest(self, folder: Path) -> str:
        """Return the name of the classifier with the most labels, which takes a look into each."""
        names = self._versions.names
        if len(names) == 1:
            return names[0]

        def breadth(name: str) -> tuple[bool, int, int]:
            source = self._versions.look_up(name)[0].source
            try:
                classifies, labels = source.task is Task.CLASSIFY, source.labels(folder)
                if source.kind is not Kind.TFLITE or not source.path.exists():
                    return classifies, len(labels), 0
                data = source.path.read_bytes()
                return classifies, len(decode_file(source, data).labels or labels), len(data)
            except (InvalidModel, OSError):
                return False, 0, 0

        return max(names, key=breadth)
