# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp==2.3.0"]
# ///
"""The official client of the Model Context Protocol, unmodified, driven by lines of JSON.

    mcp_agent.py URL MODE [HEADER=VALUE ...]

MODE is `auto` (revision 2026-07-28) or `legacy` (with a handshake). Each line of the standard
input is {"list": true} or {"tool": NAME, "arguments": {...}}; each is answered by a line. One
connection lasts for all of them.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.exceptions import MCPError


async def answer(client: Client, line: dict[str, Any]) -> dict[str, Any]:
    try:
        if "list" in line:
            listed = await client.list_tools()
            return {"tools": {tool.name: tool.input_schema for tool in listed.tools}}
        result = await client.call_tool(line["tool"], line.get("arguments"))
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    fields: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return fields


def write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(url: str, mode: str, *headers: str) -> None:
    http = create_mcp_http_client(headers=dict(header.split("=", 1) for header in headers))
    async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        write({"version": client.protocol_version, "server": client.server_info.model_dump()})
        while line := await asyncio.to_thread(sys.stdin.readline):
            write(await answer(client, json.loads(line)))


asyncio.run(main(*sys.argv[1:]))
