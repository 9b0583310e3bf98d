"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads points.

APP_PORT=50051 python -m pca
python -m pca < points.csv > plot.svg
"""

import os
import sys

from daprkit.blobs import BlobStore
from daprkit.server import Server
from daprkit.settings import load
from daprkit.sidecar import Sidecar

from pca import cli
from pca.service import STATUS, Service
from pca.settings import Settings


def serve() -> int:
    """Serve until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    store = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    Server(settings, Service(store).routes(), STATUS, sidecar).run()
    sidecar.close()
    return 0


if __name__ == "__main__":
    sys.exit(serve() if "APP_PORT" in os.environ else cli.main())
