"""A service's tools, called in process, and their answers held against their schemas."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from reference import refuse_unknown_fields

from meshlens.daprkit.application.invocation import read_request
from meshlens.daprkit.application.routing import Route, Routes
from meshlens.daprkit.mcp.tools import Tool, encode_reply

MOST = 1 << 24


class Called:
    """Calls tools by the routes of their service.

    Args:
        routes: of the service.
        tools: of the service.
    """

    def __init__(self, routes: Sequence[Route], tools: Sequence[Tool]) -> None:
        self._routes = Routes(routes)
        self._tools = {tool.name: tool for tool in tools}

    def call(self, name: str, **arguments: object) -> Mapping[str, Any]:
        """Return the result of a tool, whose arguments and answer are as its schemas say."""
        tool = self._tools[name]
        described = tool.describe()
        Draft202012Validator(described["inputSchema"]).validate(arguments)
        call = tool.read_call(arguments)
        route, parameters = self._routes.find(call.path, call.verb)
        assert route.lane is tool.lane
        reply = route.endpoint(read_request(call, parameters, time_limit=10.0))
        result: Mapping[str, Any] = json.loads(b"{%s}" % encode_reply(reply, MOST))
        strict = refuse_unknown_fields(described["outputSchema"])
        Draft202012Validator(strict).validate(result["structuredContent"])
        return result
