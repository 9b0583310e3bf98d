"""A server that requests are sent to again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Self

import grpc
import httpx

from meshlens.command.traffic.addresses import Address
from meshlens.command.traffic.channels import as_metadata, as_text, open_channel
from meshlens.command.traffic.ends import watch_end
from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.exchange import Answer, Door, Headers, Request
from meshlens.command.traffic.headers import forwarded, forwarded_metadata

_CONNECT_SECONDS = 5.0


class Server:
    """One server, by the addresses of its doors.

    Args:
        name: what messages call it.
        addresses: one for each door at most.
        headers: to add to each request, in the place of recorded ones of the same name.
        seconds: for each request.
        largest: bytes of an answer.
    """

    def __init__(
        self,
        name: str,
        addresses: Sequence[Address],
        *,
        headers: Headers,
        seconds: float,
        largest: int,
    ) -> None:
        self._name = name
        self._addresses = {address.door: address for address in addresses}
        self._headers = headers
        self._added = {header.lower() for header, _ in headers}
        self._seconds = seconds
        self._largest = largest
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            TrafficFault: nothing listens there.
        """
        for address in self._addresses.values():
            await self._check(address)
        http = httpx.AsyncClient(timeout=self._seconds, trust_env=False, limits=httpx.Limits())
        self._http = await self._stack.enter_async_context(http)
        if grpc_address := self._addresses.get(Door.GRPC):
            channel = open_channel(grpc_address, largest=self._largest)
            self._channel = await self._stack.enter_async_context(channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def takes(self, request: Request) -> bool:
        """Return whether it has an address for the door of a request."""
        return request.door in self._addresses

    async def send(self, request: Request) -> Answer:
        """Return what it answers; an answer without a status if it does not."""
        headers = [it for it in request.headers if it[0].lower() not in self._added]
        headers += self._headers
        try:
            if request.door is Door.GRPC:
                return await self._send_messages(request, headers)
            async with asyncio.timeout(self._seconds):
                return await self._send_body(request, headers)
        except TimeoutError:
            return Answer("", f"no answer within {self._seconds:g} s")
        except httpx.HTTPError as error:
            return Answer("", f"no answer: {type(error).__name__} {error}".strip())
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            return Answer("", f"no request that can be sent: {error}")

    async def _check(self, address: Address) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(address.host, address.port)
        except OSError as error:
            raise TrafficFault(
                f"expected the {self._name} server at {address.url}",
                got=str(error) or type(error).__name__,
                remedy="start it, or correct its address",
            ) from None
        writer.close()

    async def _send_body(self, request: Request, headers: Headers) -> Answer:
        url = self._addresses[Door.HTTP].url + request.path
        content = b"".join(request.bodies)
        sent = httpx.Request(request.method, url, headers=forwarded(headers), content=content)
        response = await self._http.send(sent, stream=True)
        body = bytearray()
        try:
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._largest:
                    return Answer("", f"an answer of more than {self._largest} bytes")
        finally:
            await response.aclose()
        return Answer(str(response.status_code), "", response.headers.multi_items(), [bytes(body)])

    async def _send_messages(self, request: Request, headers: Headers) -> Answer:
        async def sent() -> AsyncIterator[bytes]:
            for body in request.bodies:
                yield body

        bodies: list[bytes] = []
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(
            request.path
        )
        call = method(
            sent(), metadata=forwarded_metadata(as_metadata(headers)), timeout=self._seconds
        )
        ended = watch_end(call)
        size = 0
        try:
            with suppress(grpc.aio.AioRpcError):  # the end says it
                async for message in call:
                    size += len(message)
                    if size > self._largest:
                        return Answer("", f"an answer of more than {self._largest} bytes")
                    bodies.append(message)
        finally:
            call.cancel()
        end = await ended
        return Answer(end.status.name, end.text, as_text(await call.initial_metadata()), bodies)
