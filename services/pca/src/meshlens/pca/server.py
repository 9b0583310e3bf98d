"""The service as a process: settings, sidecar, store and methods, wired."""

from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load, split_origins
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.listing import ListedBlobs, Listing
from meshlens.daprkit.sidecar.referenced import read_references, take_addresses
from meshlens.daprkit.sidecar.state import StateStore
from meshlens.pca.service import STATUS, Service
from meshlens.pca.settings import Settings
from meshlens.protocols.inference.rpc.inference import INFERENCE
from meshlens.protocols.wire.pool import find_services


def serve() -> int:
    """Serve until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    blobs = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    state = StateStore(sidecar, name=settings.state_store, timeout=settings.state_timeout)
    service = Service(
        ListedBlobs(blobs, Listing(state, key="fits")),
        max_body=settings.max_body,
        origins=split_origins(settings.gateway_origins),
        ready=lambda: server.ready,
    )
    server = Server(
        settings,
        take_addresses(service.routes(), read_references(sidecar, settings)),
        STATUS,
        sidecar,
        services=service.services(),
        described=find_services("inference"),
        readiness=lambda: {"": True, INFERENCE: True},
    )
    server.show_cache("fits", service.fits_in_memory)
    server.run()
    sidecar.close()
    return 0
