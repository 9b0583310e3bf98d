"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads a picture.

APP_PORT=50051 python -m meshlens.classify
python -m meshlens.classify < picture.jpg
"""

import os
import sys
from collections.abc import Iterable
from functools import partial

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import ClassifyError
from meshlens.classify.service import STATUS, Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.origins import LARGEST_MODEL, LONGEST_FETCH, Origin
from meshlens.classify.storage.source import Source
from meshlens.classify.storage.watcher import Watcher
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load
from meshlens.daprkit.sidecar.addresses import Inputs
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar


class ModelServer(Server):
    """Loads the models behind a port that answers already, and says which of them serve."""

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
        self._repository.start(self._tell)
        if self._watches:
            self._watcher.start()
        return port

    def drain(self) -> None:
        """Begin no further load, and go on serving."""
        super().drain()
        self._watcher.stop()
        self._repository.stop()

    def _refresh(self, sources: Iterable[Source]) -> None:
        there = tuple(sources)
        self._repository.refresh(there)
        self._cache.collect(there)

    def _tell(self, servable: Servable) -> None:
        model = servable.source.model
        self.set_serving(model, serving=self._repository.answers(model))
        self.set_serving("", serving=self._repository.ready)


def serve() -> int:
    """Serve until SIGTERM; return 0, or 2 if there is nothing to serve."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    blobs = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    inputs = Inputs(
        sidecar, timeout=settings.state_timeout, seconds=LONGEST_FETCH, limit=LARGEST_MODEL
    )
    cache = ModelCache(blobs, Origin(inputs).fetch, seconds=settings.state_timeout)
    try:
        repository = Repository(
            settings.models,
            partial(open_engine, workers=settings.workers),
            default=settings.default_model,
            policy=settings.policy,
            budget=settings.model_budget,
            fetch=cache.fetch,
        )
    except ClassifyError as error:
        print(error, file=sys.stderr)
        return 2
    ModelServer(settings, sidecar, repository, cache).run()
    return 0


def main() -> int:
    """Serve, or be the command."""
    if "APP_PORT" in os.environ:
        return serve()
    from meshlens.classify import cli  # noqa: PLC0415 - megabytes for its progress bar, which no service needs

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
