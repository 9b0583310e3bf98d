"""The API reference of a service: an OpenAPI document made of its routes, and the route to it."""

import json
from collections.abc import Sequence
from functools import cache

from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import StatusTable
from meshlens.daprkit.application.watching import watch_events
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference.about import About

PATH = "openapi.json"
JSON = "application/json"
_OPERATION = Operation(
    summary="Return this reference: an OpenAPI 3.1 document.", verb="GET", answers={JSON: object}
)


def add_reference(about: About, routes: Sequence[Route], statuses: StatusTable) -> Sequence[Route]:
    """Return the routes and one more, which answers with the reference of all of them.

    It has the method `events`, too, which every server adds to the routes of its service. The
    document is built once, by the first request for it.
    """

    @cache
    def encode() -> bytes:
        from meshlens.daprkit.reference.document import build_document  # noqa: PLC0415 - a tenth of a second, which a start does without

        return json.dumps(
            build_document(about, (*every, watch_events(None)), statuses), ensure_ascii=False
        ).encode()

    def answer(request: Request) -> Reply:  # noqa: ARG001 - an endpoint takes the request
        return Reply(encode(), JSON)

    every = (*routes, Route(PATH, answer, verbs=("GET",), operations=(_OPERATION,)))
    return every
