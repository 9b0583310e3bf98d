"""Fuzzes the method mcp, guided by coverage: any body is answered by the protocol.

The first byte says which revision the header names. Run it for a minute:

    python tests/fuzz/fuzz_mcp.py -max_total_time=60 tests/fuzz/corpus/mcp

An exception ends the run and leaves the input in a file `crash-...`. The corpus is small and kept
by hand: a message of each kind.
"""

import json
import sys
from typing import NoReturn

import atheris

with atheris.instrument_imports(include=["meshlens"]):
    from meshlens.daprkit.application.invocation import Invocation
    from meshlens.daprkit.application.operation import Operation
    from meshlens.daprkit.application.relaying import Methods
    from meshlens.daprkit.application.status import Status, Statuses
    from meshlens.daprkit.mcp.revisions import SUPPORTED
    from meshlens.daprkit.mcp.server import McpServer
    from meshlens.daprkit.mcp.tools import BodyArgument, Tool
    from meshlens.daprkit.messages import Reply, Request
    from meshlens.daprkit.reference.about import About

from pydantic import BaseModel

CODES = {-32700, -32600, -32601, -32602, -32020, -32022}
STATUSES = Statuses({})


class Options(BaseModel):
    """Options of the tool."""

    k: int = 1


def answer(call: Invocation) -> Reply:
    """Answer every call of the method alike."""
    if len(call.query) > 1_000_000:
        raise AssertionError("a query must not outgrow its message")
    return Reply(b'{"size": 1}', "application/json")


SERVER = McpServer(
    About("toy", "A toy", "It answers.", "meshlens-daprkit"),
    [
        Tool(
            name="fit",
            title="Fit",
            description="Fits.",
            path="fit",
            operation=Operation(summary="Fit.", answers={}, options=Options),
            body=BodyArgument("table", "a table", lambda text: ("", text.encode())),
            output=Options,
            formats={"json": "application/json", "svg": "image/svg+xml"},
        )
    ],
)


def describe(error: Exception) -> tuple[Status, str]:
    """Return what a caller would get; INTERNAL is a bug."""
    return STATUSES.describe(error)


def find(path: str, verb: str) -> NoReturn:
    """Fail: the method calls by the paths of its tools."""
    raise AssertionError(f"no tool needs the route of {verb} {path}")


def refuse(error: Exception) -> NoReturn:
    """Fail: errors are results of tools."""
    raise AssertionError("a tool's failure is a result") from error


METHODS = Methods(answer, describe, find, refuse, largest_answer=1 << 20)


def send(data: bytes) -> None:
    """Send a body with the headers that a byte selects."""
    if not data:
        return
    version = (*SUPPORTED, "", "x")[data[0] % (len(SUPPORTED) + 2)]
    headers = {"mcp-method": "tools/call", "mcp-name": "fit"}
    headers |= {"mcp-protocol-version": version} if version else {}
    request = Request("mcp", "POST", {}, "application/json", data[1:], headers)
    body = SERVER.answer(request, METHODS).body
    found = json.loads(body or b"[]")
    for each in found if isinstance(found, list) else [found]:
        if "error" in each and each["error"]["code"] not in CODES:
            raise AssertionError("the protocol knows no such code")


if __name__ == "__main__":
    atheris.Setup(sys.argv, send)
    atheris.Fuzz()
