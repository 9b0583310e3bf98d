"""The paths of the protocol."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pydantic_core import to_json

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.faults import Fault
from meshlens.protocols.inference.rest import operations
from meshlens.protocols.inference.rest.endpoints import Endpoints
from meshlens.protocols.inference.server import InferenceServer

Endpoint: TypeAlias = Callable[[Request], Reply]


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
        _post("v2/repository/models/<name>/load", endpoints.load, operations.LOAD, Lane.ADMIN),
        _post(
            "v2/repository/models/<name>/unload", endpoints.unload, operations.UNLOAD, Lane.ADMIN
        ),
    )


def _route_model(path: str, endpoints: Endpoints, infer: Operation) -> Sequence[Route]:
    """Return the routes for a model, or for one version of it."""
    return (
        _get(path, endpoints.describe_model, operations.MODEL),
        _get(f"{path}/ready", endpoints.model_ready, operations.MODEL_READY),
        _get(f"{path}/config", endpoints.configure, operations.CONFIG),
        _get(f"{path}/stats", endpoints.statistics, operations.STATISTICS),
        _post(f"{path}/infer", endpoints.infer, infer, Lane.WORK),
    )


def _get(path: str, endpoint: Endpoint, operation: Operation) -> Route:
    return Route(path, endpoint, verbs=("GET",), operations=(operation,), failure=_write_failure)


def _post(path: str, endpoint: Endpoint, operation: Operation, lane: Lane = Lane.LIGHT) -> Route:
    return Route(path, endpoint, ("POST",), lane, (operation,), _write_failure)


def _write_failure(status: Status, text: str) -> bytes:  # noqa: ARG001 - routes give both
    return to_json({"error": text})
