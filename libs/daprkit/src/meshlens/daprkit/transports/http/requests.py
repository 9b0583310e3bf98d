"""What a request by HTTP says: its token, its body, and the invocation it is."""

import asyncio
import hmac
import posixpath
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.routing import UNSPECIFIED_VERB
from meshlens.daprkit.errors import (
    BodyTooLarge,
    HeadTooLarge,
    InvalidRequest,
    SlowBody,
    WrongToken,
)
from meshlens.daprkit.transports.bodies.memory import Share

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

# Bytes of a request's head. A sidecar takes 4 KiB of headers unless it is told to take more.
LARGEST_HEAD = 32 * 1024
# A body has so many seconds, and one more for each so many bytes that have come.
BODY_SECONDS = 20.0
BODY_RATE = 16 * 1024

TOKEN = "dapr-api-token"  # noqa: S105 - the name of its header
# What proves who calls is no endpoint's business.
_CREDENTIALS = (TOKEN, "authorization")
_ABSOLUTE = re.compile(rb"[a-z][a-z0-9+.-]*://[^/]*", re.IGNORECASE)


def read_headers(scope: Message) -> dict[str, str]:
    """Return the headers, names in lower case, those sent more than once joined."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def check_head(scope: Message) -> None:
    """Let a head pass that is small enough: the parser lets larger ones pass that come at once.

    Raises:
        HeadTooLarge: it is not.
    """
    size = len(scope["raw_path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LARGEST_HEAD:
        raise HeadTooLarge(
            f"path, query and headers must have at most {LARGEST_HEAD} bytes",
            got=str(size),
            remedy="send what is large in the body",
        )


def check_token(headers: MutableMapping[str, str], token: str) -> None:
    """Let a caller pass who knows the app's token, if it has one, and forget what was sent.

    Raises:
        WrongToken: the caller does not know it.
    """
    sent, authorization = (headers.pop(name, "") for name in _CREDENTIALS)
    scheme, _, credentials = authorization.partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    if token and not any(_is_equal(one, token) for one in (sent, bearer)):
        raise WrongToken(
            f"{TOKEN}, or the bearer of Authorization, must be the app's token",
            got="none or another",
            remedy="send APP_API_TOKEN; an HTTPEndpoint adds it by spec.headers",
        )


def _is_equal(sent: str, token: str) -> bool:
    return hmac.compare_digest(sent.encode("latin-1"), token.encode())


async def read_body(
    receive: Receive, headers: MutableMapping[str, str], *, most: int, share: Share
) -> bytes | None:
    """Return the body; None if the caller went away.

    Args:
        receive: returns the next part.
        headers: of the request.
        most: size of the largest body in bytes.
        share: what it holds of the memory.

    Raises:
        BodyTooLarge: it has more bytes, or says so.
        TooManyBytes: the bodies of all requests have too many.
        SlowBody: it did not come in time.
    """
    announced = int(headers.get("content-length", 0))
    if announced > most:
        raise BodyTooLarge(announced, most)
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS) as limit:
            started = asyncio.get_running_loop().time()
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                part: bytes = message.get("body", b"")
                share.add(len(part))
                parts.append(part)
                if share.held > most:
                    raise BodyTooLarge(share.held, most)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
                limit.reschedule(started + BODY_SECONDS + share.held / BODY_RATE)
    except TimeoutError:
        raise SlowBody(
            f"a body must come within {BODY_SECONDS:g} s and a second for each {BODY_RATE} bytes",
            got=f"{share.held} bytes",
            remedy="send it at once",
        ) from None


def read_invocation(scope: Message, headers: MutableMapping[str, str], body: bytes) -> Invocation:
    """Return the call of a method that a request is; `headers` become its own.

    Raises:
        InvalidRequest: its path is not UTF-8.
    """
    verb = scope["method"]
    return Invocation(
        path=read_path(scope),
        # As a verb of HTTP it is an unknown one, in whatever case.
        verb=verb.lower() if verb == UNSPECIFIED_VERB else verb,
        query=scope["query_string"].decode("latin-1"),
        content_type=headers.pop("content-type", ""),
        body=body,
        headers=headers,
        protocol="http",
    )


def read_path(scope: Message) -> str:
    """Return the method's path, percent-decoded and cleaned as a sidecar does it.

    Raises:
        InvalidRequest: it is not UTF-8.
    """
    raw: bytes = scope["raw_path"]
    if not raw.startswith(b"/"):
        raw = _ABSOLUTE.sub(b"", raw, count=1)
    try:
        path = unquote(raw.decode("ascii"), errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            "the path must be UTF-8, percent-encoded",
            got=f"{raw[:80]!r} ({error.reason})",
            remedy="encode it as UTF-8",
        ) from None
    return posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
