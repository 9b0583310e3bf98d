"""The service as a process: settings, sidecar, store and methods, wired."""

from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load, split_origins
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.referenced import read_references, take_addresses
from meshlens.pca.service import STATUS, Service
from meshlens.pca.settings import Settings


def serve() -> int:
    """Serve until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    store = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    service = Service(store, origins=split_origins(settings.gateway_origins))
    routes = take_addresses(service.routes(), read_references(sidecar, settings))
    Server(settings, routes, STATUS, sidecar).run()
    sidecar.close()
    return 0
