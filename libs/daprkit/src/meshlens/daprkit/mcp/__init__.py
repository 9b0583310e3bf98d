"""MCP: the methods of a service as tools of agents, by one method more."""

from collections.abc import Sequence

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.relaying import Relay
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import ForeignPage
from meshlens.daprkit.mcp.server import McpServer
from meshlens.daprkit.mcp.tools import JSON, Tool
from meshlens.daprkit.reference.about import About

PATH = "mcp"
_OPERATION = Operation(
    summary="Answer an agent: a message of the Model Context Protocol (streamable HTTP).",
    accepts={JSON: object},
    body="a request or a notification of JSON-RPC 2.0; a batch, too, in revision 2025-03-26",
    answers={JSON: object},
    answer="The answer of JSON-RPC, its errors included; nothing to a notification.",
    faults=(ForeignPage,),
)


def serve_tools(about: About, tools: Sequence[Tool]) -> Route:
    """Return the route of the method `mcp`.

    Args:
        about: the service.
        tools: what agents may call; each calls a method of the service, in the lane of that.
    """
    relay = Relay(McpServer(about, tools).answer, "mcp")
    return Route(PATH, relay, verbs=("POST",), lane=Lane.RELAY, operations=(_OPERATION,))
