"""The service as a process: settings, sidecar, store and methods, wired."""

from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load, split_origins
from meshlens.daprkit.sidecar.addresses import Inputs
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.referenced import References, take_addresses
from meshlens.pca.service import STATUS, Service
from meshlens.pca.settings import Settings


def serve() -> int:
    """Serve until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    inputs = Inputs(
        sidecar,
        timeout=settings.state_timeout,
        seconds=settings.request_timeout,
        limit=settings.max_body,
    )
    references = References(inputs.read, settings.input_bindings.split(","))
    store = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    service = Service(store, origins=split_origins(settings.gateway_origins))
    Server(settings, take_addresses(service.routes(), references), STATUS, sidecar).run()
    sidecar.close()
    return 0
