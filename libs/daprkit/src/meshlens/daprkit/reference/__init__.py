"""The API reference of a service, as OpenAPI and AsyncAPI documents, and the routes to them."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import StatusTable
from meshlens.daprkit.application.watching import watch_events
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference.about import About, Announcement
from meshlens.daprkit.transports.topics import Subscription

PATH = "openapi.json"
TOPICS_PATH = "asyncapi.json"
JSON = "application/json"
_OPERATION = Operation(
    summary="Return this reference: an OpenAPI 3.1 document.", verb="GET", answers={JSON: object}
)
_TOPICS_OPERATION = Operation(
    summary="Return which topics the service publishes to and receives: an AsyncAPI 3.0 document.",
    verb="GET",
    answers={JSON: object},
)


def add_reference(
    about: About,
    routes: Sequence[Route],
    statuses: StatusTable,
    subscriptions: Sequence[Subscription] = (),
    announcements: Sequence[Announcement] = (),
) -> Sequence[Route]:
    """Return the routes and two more, which answer with the reference of all of them.

    It has the method `events`, too, which every server adds to the routes of its service. The
    documents are built once, by the first request for each.
    """

    @cache
    def encode() -> bytes:
        from meshlens.daprkit.reference.document import build_document  # noqa: PLC0415 - a tenth of a second, which a start does without

        return _encode(build_document(about, (*every, watch_events(None)), statuses))

    @cache
    def encode_topics() -> bytes:
        from meshlens.daprkit.reference.topics import build_topics  # noqa: PLC0415 - as above

        return _encode(build_topics(about, every, subscriptions, announcements))

    every = (
        *routes,
        _route(PATH, _OPERATION, encode),
        _route(TOPICS_PATH, _TOPICS_OPERATION, encode_topics),
    )
    return every


def _route(path: str, operation: Operation, encode: Callable[[], bytes]) -> Route:
    def answer(request: Request) -> Reply:  # noqa: ARG001 - an endpoint takes the request
        return Reply(encode(), JSON)

    return Route(path, answer, verbs=("GET",), operations=(operation,))


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
