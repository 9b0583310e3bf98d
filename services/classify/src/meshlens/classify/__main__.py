"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads a picture.

With arguments it is the command, whatever APP_PORT says.

APP_PORT=50051 python -m meshlens.classify
python -m meshlens.classify < picture.jpg
"""

import os
import sys
import warnings
from functools import partial

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import ClassifyError
from meshlens.classify.server import build_server
from meshlens.classify.serving.repository import Repository
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.origins import LARGEST_MODEL, LONGEST_FETCH, Origins
from meshlens.daprkit.settings import load
from meshlens.daprkit.sidecar.addresses import Inputs
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar


def serve() -> int:
    """Serve until SIGTERM; return 0, or 2 if there is nothing to serve."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    blobs = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    inputs = Inputs(
        sidecar, timeout=settings.state_timeout, seconds=LONGEST_FETCH, limit=LARGEST_MODEL
    )
    origins = Origins(mesh=inputs.read, private=settings.private_origins)
    cache = ModelCache(blobs, origins.fetch, seconds=settings.state_timeout)
    try:
        repository = Repository(
            settings.models,
            partial(open_engine, workers=settings.workers, bounds=settings.bounds),
            default=settings.default_model,
            policy=settings.policy,
            budget=settings.model_budget,
            fetch=cache.fetch,
        )
    except ClassifyError as error:
        print(error, file=sys.stderr)
        return 2
    build_server(settings, sidecar, repository, cache).run()
    return 0


def main() -> int:
    """Serve, or be the command."""
    # Pillow's, about sizes that are allowed: a JPEG is decoded at a scale within MAX_PIXELS.
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")
    if "APP_PORT" in os.environ and not sys.argv[1:]:
        return serve()
    from meshlens.classify import cli  # noqa: PLC0415 - megabytes for its progress bar, which no service needs

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
