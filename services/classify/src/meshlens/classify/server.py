"""The server of models: it listens first, then loads them and reports which of them serve."""

from collections.abc import Iterable

from meshlens.classify.service import STATUS, Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.source import Source
from meshlens.classify.storage.watcher import Watcher
from meshlens.daprkit.server import Server
from meshlens.daprkit.sidecar.channel import Sidecar


class ModelServer(Server):
    """Loads the models behind a port that answers already, and reports each one's health.

    Args:
        settings: what the environment says.
        sidecar: the app's own sidecar, for the events.
        repository: the models.
        cache: where their bytes are kept.
    """

    def __init__(
        self, settings: Settings, sidecar: Sidecar, repository: Repository, cache: ModelCache
    ) -> None:
        service = Service(repository, max_pixels=settings.max_pixels)
        super().__init__(settings, service.routes(), STATUS, sidecar, service.subscriptions())
        self.count(
            "meshlens_evictions",
            "Versions of models unloaded because of MODEL_BUDGET.",
            lambda: repository.evictions,
        )
        self._repository = repository
        self._cache = cache
        self._watcher = Watcher(
            settings.models, self._refresh, settle=settings.watch_seconds or 1.0
        )
        self._watches = settings.watch_seconds > 0

    def start(self) -> int:
        """Listen, then load; return the port."""
        self.set_serving("", serving=False)
        port = super().start()
        self._cache.check()
        self._repository.start(self._report)
        if self._watches:
            self._watcher.start()
        return port

    def leave(self) -> None:
        """Begin no further load, and go on serving."""
        super().leave()
        self._watcher.stop()
        self._repository.stop()

    def _refresh(self, sources: Iterable[Source]) -> None:
        there = tuple(sources)
        self._repository.refresh(there)
        self._cache.collect(there)

    def _report(self, servable: Servable) -> None:
        """Set the health of a model, and with it that of the service."""
        model = servable.source.model
        self.set_serving(model, serving=self._repository.answers(model))
        self.set_serving("", serving=self._repository.ready)
