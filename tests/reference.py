"""A service, its routes called in process, and its reference beside them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from jsonschema import Draft202012Validator

from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.recent_events import RecentEvents
from meshlens.daprkit.application.refusals import Refusals
from meshlens.daprkit.application.relaying import Methods, Relay
from meshlens.daprkit.application.result_event import encode_event, make_event
from meshlens.daprkit.application.routing import Route, Routes
from meshlens.daprkit.application.status import Statuses
from meshlens.daprkit.application.watching import watch_events
from meshlens.daprkit.messages import Reply, Request

EVENTS = (
    Success("digits", "1", {"n": 3}),
    Failure("INVALID_ARGUMENT", "INVALID_TABLE", ({"row": 3, "column": 2},)),
)


def refuse_unknown_fields(schema: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return a schema of answers that hold nothing which it does not describe."""
    if isinstance(schema, list):
        return [refuse_unknown_fields(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: refuse_unknown_fields(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        strict.setdefault("additionalProperties", False)
    return strict


class Documented:
    """Calls methods, and holds their answers against the reference.

    Args:
        routes: of the service.

    Attributes:
        document: what its method openapi.json answers.
        called: verb and path of what has been called.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        recent = RecentEvents(len(EVENTS))
        for outcome in EVENTS:
            event = make_event("1", "it", Answered("plot", b"", outcome, 0.1))
            recent.add(encode_event(event))
        self._routes = Routes((*routes, watch_events(recent)))  # as a server has them
        self.called: set[str] = set()
        answer = self._send("GET", "openapi.json", b"", "", {}, "")
        self.document: Mapping[str, Any] = json.loads(answer.body)
        self._strict = refuse_unknown_fields(self.document["components"])

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield verb, path and description of each operation."""
        for path, item in self.document["paths"].items():
            for verb, operation in item.items():
                yield verb.upper(), path.removeprefix("/"), operation

    def call(
        self,
        verb: str,
        path: str,
        body: bytes = b"",
        content_type: str = "",
        *,
        accept: str = "",
        **query: str,
    ) -> Reply:
        """Return the answer to a call, which is as the reference says."""
        reply = self._send(verb, path, body, content_type, query, accept)
        operation = self._find(verb, path)
        media_type = reply.content_type.partition(";")[0]
        content = operation["responses"]["200"]["content"]
        assert media_type in content, f"{verb} {path} answers {media_type}"
        if media_type == "application/json":
            self.check(json.loads(reply.body), content[media_type]["schema"])
        if accept:
            assert media_type == accept
        if reply.result is None:
            assert "x-event-result" not in operation
        else:
            self.check(json.loads(json.dumps(reply.result)), operation["x-event-result"])
        return reply

    def check(self, value: object, schema: Mapping[str, Any]) -> None:
        """Validate a value; fields that are not described are faults, too."""
        whole = {**refuse_unknown_fields(schema), "components": self._strict}
        Draft202012Validator(whole).validate(value)

    def _find(self, verb: str, path: str) -> Mapping[str, Any]:
        route, _ = self._routes.find(path, verb)
        template = "/" + re.sub(r"<(?:path:)?(\w+)>", r"{\1}", route.path)
        self.called.add(f"{verb} {template[1:]}")
        return cast("Mapping[str, Any]", self.document["paths"][template][verb.lower()])

    def _send(
        self,
        verb: str,
        path: str,
        body: bytes,
        content_type: str,
        query: Mapping[str, str],
        accept: str,
    ) -> Reply:
        route, parameters = self._routes.find(path, verb)
        media_type, _, boundary = content_type.partition("; boundary=")
        request = Request(
            method=path,
            verb=verb,
            query=query,
            content_type=media_type,
            body=body,
            headers={"accept": accept} if accept else {},
            parameters=parameters,
            boundary=boundary,
        )
        if isinstance(route.endpoint, Relay):
            return route.endpoint.answer(request, self._methods())
        return route.endpoint(request)

    def _methods(self) -> Methods:
        statuses = Statuses({})

        def invoke(call: Invocation) -> Reply:
            accept = call.headers.get("accept", "")
            return self._send(call.verb, call.path, call.body, call.content_type, {}, accept)

        return Methods(
            invoke,
            statuses.describe,
            self._routes.find,
            Refusals(statuses, "it").describe,
            largest_answer=2**24,
        )
