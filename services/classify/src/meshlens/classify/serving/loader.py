"""Brings versions up and takes them down: one load at a time, and nothing while it is used.

A new version is asked once it is AVAILABLE, and only then the versions that the policy does not
want any more are unloaded, when nobody uses them.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from meshlens.classify.engines.opening import OpenEngine
from meshlens.classify.errors import ClassifyError
from meshlens.classify.memory import give_memory_back, trim_memory
from meshlens.classify.serving.budget import Budget
from meshlens.classify.serving.opening import Loaded, open_model
from meshlens.classify.serving.versions import Servable, State, Version, Versions
from meshlens.classify.storage.source import Fetch

_FIRST_RETRY, _LAST_RETRY = 5.0, 300.0

_log = logging.getLogger(__name__)

OnChange = Callable[[Servable], None]


class Lifecycle:
    """Loads and unloads the versions of a folder.

    Args:
        versions: what there is.
        folder: the models.
        open_engine: makes an engine from the bytes of a model.
        default: the model that is loaded first and goes last.
        budget: what they may take together.
        fetch: returns the bytes of a model.

    Attributes:
        evictions: versions unloaded because of the budget so far.
    """

    def __init__(
        self,
        versions: Versions,
        folder: Path,
        open_engine: OpenEngine,
        *,
        default: str,
        budget: Budget,
        fetch: Fetch,
    ) -> None:
        self._versions = versions
        self._folder = folder
        self._open_engine = open_engine
        self._default = default
        self._budget = budget
        self._fetch = fetch
        self._loading = threading.RLock()
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._on_change: OnChange = lambda _: None
        self.evictions = 0

    def start(self, on_change: OnChange) -> None:
        """Load what is wanted in the background, now and whenever that changes.

        Args:
            on_change: told of every new state, on the thread that changes it.
        """
        self._on_change = on_change
        threading.Thread(target=self._work, name="loader", daemon=True).start()

    def stop(self) -> None:
        """Begin no further load; a model that is loading now stays LOADING."""
        self._stopped.set()
        self._wake.set()

    def look_again(self) -> None:
        """Have the background look for what is wanted now."""
        self._wake.set()

    def bring_up(self, version: Version, on_change: OnChange | None = None) -> None:
        """Load one version; those that are not wanted any more go afterwards."""
        tell = on_change or self._on_change
        with self._loading:
            with self._versions.changed:
                if version.state in (State.AVAILABLE, State.UNLOADING):
                    return
                # A failed version that is tried again stays failed until it is not.
                if not version.failed:
                    self._change(version, tell, State.LOADING)
            try:
                loaded = self._open(version)
            except ClassifyError as error:
                self._fail(version, tell, str(error))
            except Exception as error:  # noqa: BLE001 - one model's fault must not take the others along
                _log.exception("model %s could not be loaded", version.source.model)
                self._fail(version, tell, f"unexpected {type(error).__name__}")
            else:
                self._change(version, tell, State.AVAILABLE, loaded=loaded)
                trim_memory()
                if not self._stopped.is_set():
                    self._retire(version.source.model)

    def take_down(self, version: Version) -> None:
        """Unload one version when the last one that uses it has finished."""
        with self._loading:
            self._take_down(version)

    def lose(self, version: Version, used: Servable, reason: str) -> None:
        """Load a version again whose engine has ended by itself."""
        with self._versions.changed:
            if version.loaded is not used.loaded or not version.available:
                return
            self._change(version, self._on_change, State.START)
        _log.error(
            "model %s version %s is lost: %s", used.source.model, used.source.version, reason
        )
        if used.loaded:
            used.loaded.engine.close()
        self._wake.set()

    def forget(self, version: Version) -> None:
        """Unload a version that is gone, in the background, and remove it."""
        _log.info("model %s version %s is gone", version.source.model, version.source.version)

        def work() -> None:
            self.take_down(version)
            with self._versions.changed:
                self._versions.remove(version)

        threading.Thread(target=work, daemon=True).start()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            with self._versions.changed:
                due = self._versions.due(first=self._default)
            for version in due:
                if self._stopped.is_set():
                    return
                self.bring_up(version)
            with self._versions.changed:
                seconds = self._versions.until_retry()
            self._wake.wait(seconds)

    def _open(self, version: Version) -> Loaded:
        # Not at a low priority: who holds Python's lock must not be kept waiting.
        data = self._fetch(version.source)
        self._make_room(version, len(data))
        return open_model(version.source, data, self._open_engine, self._folder)

    def _make_room(self, version: Version, size: int) -> None:
        """Unload what was not used for longest until `size` bytes more are within the budget."""
        self._budget.check(size)
        while True:
            with self._versions.changed:
                others = [other for other in self._versions if other is not version]
                oldest = self._budget.choose(others, size, last=self._default)
                if oldest is None:
                    return
                oldest.evicted = True
                self.evictions += 1
            _log.warning(
                "model %s version %s is unloaded for %s: the budget is %d bytes, eviction %d",
                oldest.source.model,
                oldest.source.version,
                version.source.model,
                self._budget.limit,
                self.evictions,
            )
            self._take_down(oldest)

    def _retire(self, name: str) -> None:
        """Unload what the policy does not want, once all that it wants is AVAILABLE."""
        with self._versions.changed:
            wanted = self._versions.wanted(name)
            if not all(version.available for version in wanted):
                return
            labelled = self._versions.policy.labelled(name)
            retired = [
                version
                for version in self._versions.of(name)
                if version.available
                and version not in wanted
                and version.source.version not in labelled
            ]
        for version in retired:
            threading.Thread(target=self._take_down, args=(version,), daemon=True).start()

    def _take_down(self, version: Version) -> None:
        changed = self._versions.changed
        with changed:
            if self._stopped.is_set():
                return
            if version.state is State.START:
                self._change(version, self._on_change, State.END)
            if not version.available:
                return
            self._change(version, self._on_change, State.UNLOADING, loaded=version.loaded)
            changed.wait_for(lambda: not version.users)
            loaded, version.loaded = version.loaded, None
        if loaded:
            loaded.engine.close()
        del loaded
        give_memory_back()
        self._change(version, self._on_change, State.END)

    def _fail(self, version: Version, on_change: OnChange, reason: str) -> None:
        with self._versions.changed:
            delay = min(_FIRST_RETRY * 2**version.failures, _LAST_RETRY)
            version.failures = min(version.failures + 1, 10)
            version.retry_at = time.monotonic() + delay
            if version.state is State.END and version.error == reason:
                return
        self._change(version, on_change, State.END, reason)

    def _change(
        self,
        version: Version,
        on_change: OnChange,
        state: State,
        error: str = "",
        loaded: Loaded | None = None,
    ) -> None:
        with self._versions.changed:
            if self._stopped.is_set():
                return
            version.state, version.error, version.loaded = state, error, loaded
            if state is State.AVAILABLE:
                version.evicted, version.failures = False, 0
            now = version.now()
            self._versions.changed.notify_all()
        _log_state(now)
        on_change(now)


def _log_state(servable: Servable) -> None:
    source = servable.source
    if servable.error:
        _log.error("model %s version %s failed: %s", source.model, source.version, servable.error)
    else:
        _log.info("model %s version %s is %s", source.model, source.version, servable.state)
