"""What a service adds to its server to answer clients of TensorFlow Serving."""

from collections.abc import Sequence

from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.transports.listener import GrpcService
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.rest.routes import RestApi
from meshlens.protocols.tfserving.rpc.models import ModelService
from meshlens.protocols.tfserving.rpc.prediction import PredictionService


def list_routes(offer: Offer) -> Sequence[Route]:
    """Return the routes under v1/."""
    return RestApi(offer).routes()


def list_services(offer: Offer) -> Sequence[GrpcService]:
    """Return the gRPC services of package tensorflow.serving."""
    return PredictionService(offer).add, ModelService(offer).add
