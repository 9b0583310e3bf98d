"""Whoever has connected when the end begins is answered, however close the two are."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from contract.daprkit.http_calls import HOST, PATIENCE
from uvicorn import Config

from meshlens.daprkit.transports.http.protocol import PatientProtocol
from meshlens.daprkit.transports.http.serving import BoundedServer


async def answer(
    _: object, __: object, send: Callable[[dict[str, object]], Awaitable[None]]
) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


async def serve_until(turns: int) -> bytes:
    """Connect and, that many turns of the loop later, begin the end; return the answer."""
    listening = socket.create_server((HOST, 0))
    listening.setblocking(False)  # noqa: FBT003 - socket takes it by position
    config = Config(answer, http=PatientProtocol, lifespan="off", log_config=None)
    config.load()
    server = BoundedServer(config, lambda: None, listening, None)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    await asyncio.sleep(0)
    with socket.create_connection(listening.getsockname(), timeout=PATIENCE) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.shutdown()
        return caller.recv(4096)


@pytest.mark.parametrize("turns", range(8))
def test_who_has_connected_when_the_end_begins_is_answered(turns: int) -> None:
    assert asyncio.run(serve_until(turns)).startswith(b"HTTP/1.1 200 ")
