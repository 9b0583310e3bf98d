"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads points.

With arguments it is the command, whatever APP_PORT says.

APP_PORT=50051 python -m meshlens.pca
python -m meshlens.pca < points.csv > plot.svg
"""

import os
import sys

from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.pca import cli
from meshlens.pca.service import STATUS, Service
from meshlens.pca.settings import Settings


def serve() -> int:
    """Serve until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    store = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    Server(settings, Service(store).routes(), STATUS, sidecar).run()
    sidecar.close()
    return 0


if __name__ == "__main__":
    sys.exit(serve() if "APP_PORT" in os.environ and not sys.argv[1:] else cli.main())
