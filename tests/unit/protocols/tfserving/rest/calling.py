"""Calls the routes under v1/ as a transport does."""

import json
from typing import Any

import pytest

from meshlens.daprkit.application.routing import Routes
from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.service import list_routes


class Rest:
    """The routes of an offer."""

    def __init__(self, offer: Offer) -> None:
        self._routes = Routes(list_routes(offer))

    def send(self, verb: str, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        route, parameters = self._routes.find(path, verb)
        request = Request(
            method=path,
            verb=verb,
            query={},
            content_type="",
            body=body.encode() if isinstance(body, str) else body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            parameters=parameters,
        )
        return route.endpoint(request)

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(self.send("GET", path).body)

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(self.send("POST", path, json.dumps(body)).body)

    def refusal(self, verb: str, path: str, body: bytes | str = b"") -> tuple[Status, str]:
        with pytest.raises(Refused) as refused:
            self.send(verb, path, body)
        return refused.value.status, str(refused.value)
