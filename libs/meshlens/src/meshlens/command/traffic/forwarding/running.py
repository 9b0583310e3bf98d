"""The servers of the forwarders, in one event loop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx
from uvicorn import Config, Server

from meshlens.command.traffic.addresses import Address
from meshlens.command.traffic.channels import open_channel
from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.exchange import Door
from meshlens.command.traffic.forwarding.http import HttpForwarder
from meshlens.command.traffic.forwarding.rpc import RpcForwarder
from meshlens.command.traffic.recording import Recorder

# Of gRPC; HTTP passes in pieces. What servers of models take.
_LARGEST_MESSAGE = 2**31 - 1
_GRACE_SECONDS = 5.0
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """From where a forwarder passes requests on to which server.

    Attributes:
        host: where it listens.
        port: its port; 0 for any free one.
        server: where the requests go.
    """

    host: str
    port: int
    server: Address


@asynccontextmanager
async def forward(way: Way, recorder: Recorder, *, largest: int) -> AsyncIterator[int]:
    """Forward until the context ends, which lets running requests end; yield the port.

    Raises:
        TrafficFault: it cannot listen there.
    """
    passing = _forward_rpc if way.server.door is Door.GRPC else _forward_http
    async with passing(way, recorder, largest) as port:
        yield port


@asynccontextmanager
async def _forward_rpc(way: Way, recorder: Recorder, largest: int) -> AsyncIterator[int]:
    async with open_channel(way.server, largest=_LARGEST_MESSAGE) as channel:
        options = [
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.max_send_message_length", _LARGEST_MESSAGE),
            ("grpc.so_reuseport", 0),
        ]
        server = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers([RpcForwarder(channel, recorder, largest=largest)])
        host = f"[{way.host}]" if ":" in way.host else way.host
        try:
            port = server.add_insecure_port(f"{host}:{way.port}")
        except RuntimeError as error:
            raise _cannot_listen(way, error) from None
        await server.start()
        try:
            yield port
        finally:
            await server.stop(_GRACE_SECONDS)


@asynccontextmanager
async def _forward_http(way: Way, recorder: Recorder, largest: int) -> AsyncIterator[int]:
    try:
        listening = socket.create_server(
            (way.host, way.port), family=socket.AF_INET6 if ":" in way.host else socket.AF_INET
        )
    except OSError as error:
        raise _cannot_listen(way, error) from None
    async with AsyncExitStack() as stack:
        stack.enter_context(listening)
        # How long an answer may take is the client's business.
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                trust_env=False,
                limits=httpx.Limits(),
            )
        )
        forwarder = HttpForwarder(client, way.server.url, recorder, largest=largest)
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        config = Config(
            forwarder,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(_GRACE_SECONDS),
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class _Server(Server):
    """uvicorn's server; the command itself handles signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _cannot_listen(way: Way, error: Exception) -> TrafficFault:
    return TrafficFault(
        f"expected to listen on {way.host}, port {way.port}",
        got=str(error),
        remedy="name a free port and an address of this host",
    )
