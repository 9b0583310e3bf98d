"""The paths of the protocol."""

from collections.abc import Callable, Sequence

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.messages import Reply, Request
from meshlens.faults import Fault
from meshlens.protocols.inference.rest import operations
from meshlens.protocols.inference.rest.endpoints import Endpoints
from meshlens.protocols.inference.server import InferenceServer


def routes(
    server: InferenceServer, *, max_body: int, faults: Sequence[type[Fault]] = ()
) -> Sequence[Route]:
    """Return which method answers which path.

    Args:
        server: answers the calls of the protocol.
        max_body: bytes that a body may unpack to.
        faults: what the models raise, for the reference.
    """
    infer = operations.describe_infer(faults)
    endpoints = Endpoints(server, max_body=max_body)
    return (
        _get("v2", endpoints.describe_server, operations.SERVER),
        _get("v2/health/live", endpoints.live, operations.LIVE),
        _get("v2/health/ready", endpoints.ready, operations.READY),
        _get("v2/models", endpoints.list_models, operations.MODELS),
        _get("v2/models/stats", endpoints.statistics, operations.STATISTICS),
        *_route_model("v2/models/<name>", endpoints, infer),
        *_route_model("v2/models/<name>/versions/<version>", endpoints, infer),
        _post("v2/repository/index", endpoints.index, operations.INDEX),
        _manage("v2/repository/models/<name>/load", endpoints.load, operations.LOAD),
        _manage("v2/repository/models/<name>/unload", endpoints.unload, operations.UNLOAD),
    )


def _route_model(path: str, endpoints: Endpoints, infer: Operation) -> Sequence[Route]:
    """Return the routes for a model, or for one version of it."""
    return (
        _get(path, endpoints.describe_model, operations.MODEL),
        _get(f"{path}/ready", endpoints.model_ready, operations.MODEL_READY),
        _get(f"{path}/config", endpoints.configure, operations.CONFIG),
        _get(f"{path}/stats", endpoints.statistics, operations.STATISTICS),
        Route(
            f"{path}/infer",
            endpoints.infer,
            verbs=("POST",),
            lane=Lane.WORK,
            operations=(infer,),
        ),
    )


def _get(path: str, endpoint: Callable[[Request], Reply], operation: Operation) -> Route:
    return Route(path, endpoint, verbs=("GET",), operations=(operation,))


def _post(path: str, endpoint: Callable[[Request], Reply], operation: Operation) -> Route:
    return Route(path, endpoint, verbs=("POST",), operations=(operation,))


def _manage(path: str, endpoint: Callable[[Request], Reply], operation: Operation) -> Route:
    return Route(path, endpoint, verbs=("POST",), lane=Lane.MANAGE, operations=(operation,))
