"""A forwarder of HTTP, as an application of ASGI."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx

from meshlens.command.traffic.exchange import Answer, Door, Headers, Request
from meshlens.command.traffic.forwarding.copy import Copy
from meshlens.command.traffic.headers import find_length, forwarded, recorded
from meshlens.command.traffic.recording import Recorder

_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_BAD_GATEWAY = 502


class HttpForwarder:
    """Passes requests on to a server, piece by piece, and records them.

    Args:
        client: the connections to the server.
        base: the server's URL.
        recorder: of what has passed.
        largest: bytes of a body that are recorded; larger ones only pass.
    """

    def __init__(
        self, client: httpx.AsyncClient, base: str, recorder: Recorder, *, largest: int
    ) -> None:
        self._client = client
        self._base = base
        self._recorder = recorder
        self._largest = largest

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass one request on."""
        path = _find_path(scope)
        headers = [(name.decode("latin-1"), it.decode("latin-1")) for name, it in scope["headers"]]
        sent, come = Copy(self._largest), Copy(self._largest)
        try:
            response = await self._client.send(
                self._make_request(scope["method"], path, headers, _read(receive, sent)),
                stream=True,
            )
        except httpx.HTTPError as error:
            text = f"the server does not answer: {type(error).__name__} {error}"
            await _answer(send, _BAD_GATEWAY, [], text.encode())
            self._recorder.leave_out()
            return
        answer_headers = response.headers.multi_items()
        try:
            passed = [*forwarded(answer_headers), *find_length(answer_headers)]
            await _begin(send, response.status_code, passed)
            async for piece in response.aiter_raw():
                come.keep(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await response.aclose()
        if not sent.whole or not come.whole:
            self._recorder.leave_out()
            return
        self._recorder.write(
            Request(Door.HTTP, scope["method"], path, recorded(headers), [b"".join(sent.pieces)]),
            Answer(
                str(response.status_code), "", recorded(answer_headers), [b"".join(come.pieces)]
            ),
        )

    def _make_request(
        self, method: str, path: str, headers: Headers, content: AsyncIterator[bytes]
    ) -> httpx.Request:
        passed, length = forwarded(headers), find_length(headers)
        chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)
        body = content if length or chunked else b""
        return httpx.Request(method, self._base + path, headers=[*passed, *length], content=body)


def _find_path(scope: _Scope) -> str:
    """Return the path as it was sent, with its query."""
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1") or quote(scope["path"])
    return path + (query and f"?{query}")


async def _read(receive: _Receive, copy: Copy) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.WriteError("the client has gone")
        more = message.get("more_body", False)
        if piece := message.get("body", b""):
            yield copy.keep(piece)


async def _begin(send: _Send, status: int, headers: Headers) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _answer(send: _Send, status: int, headers: Headers, body: bytes) -> None:
    await _begin(send, status, headers)
    await send({"type": "http.response.body", "body": body})
