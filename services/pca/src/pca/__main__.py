"""Reads the environment, wires and serves: `python -m pca`."""

from daprkit.blobs import BlobStore
from daprkit.server import Server
from daprkit.settings import load
from daprkit.sidecar import Sidecar

from pca.service import STATUS, Service
from pca.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    store = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    Server(settings, Service(store).routes(), STATUS, sidecar).run()
    sidecar.close()


if __name__ == "__main__":
    main()
