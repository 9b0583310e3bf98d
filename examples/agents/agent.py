# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp==2.3.0"]
# ///
"""An agent without a language model: it finds the tools of both services, and sorts pictures.

    uv run --script agent.py TABLE PICTURE...

Where a model would choose, a few lines do: classify says what each picture shows, plot draws the
table. What it calls is the official MCP client, and any sidecar of the mesh.
"""

import asyncio
import base64
import os
import sys
from pathlib import Path

from mcp import Client
from mcp_types import ImageContent

SIDECAR = f"http://localhost:{os.environ.get('DAPR_HTTP_PORT', '3500')}"


def find(app: str) -> Client:
    """Return a client of an app's tools."""
    return Client(f"{SIDECAR}/v1.0/invoke/{app}/method/mcp")


async def main(table: str, pictures: dict[str, bytes]) -> None:
    """List the tools of both services, and call one for each picture and for the table."""
    async with find("classify") as classify, find("pca") as pca:
        for app, client in (("classify", classify), ("pca", pca)):
            tools = (await client.list_tools()).tools
            print(f"{app}: {', '.join(tool.name for tool in tools)}")
        for name, picture in pictures.items():
            image = base64.b64encode(picture).decode()
            answer = await classify.call_tool("classify", {"image": image, "top_k": 1})
            if answer.is_error:
                print(f"{name}: {answer.content[0].text}")
                continue
            label = answer.structured_content["labels"][0]
            print(f"{name}: {label['label']}, p = {label['probability']:.3f}")
        answer = await pca.call_tool("plot", {"table": table, "columns": 2})
        if answer.is_error:
            sys.exit(answer.content[0].text)
        for content in answer.content:
            if isinstance(content, ImageContent):
                drawn = len(base64.b64decode(content.data))
                print(f"plot: {content.mime_type}, {drawn} bytes")


TABLE, *PICTURES = map(Path, sys.argv[1:])
asyncio.run(main(TABLE.read_text(), {each.name: each.read_bytes() for each in PICTURES}))
