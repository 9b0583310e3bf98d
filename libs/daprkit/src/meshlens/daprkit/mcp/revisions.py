"""Revisions of the Model Context Protocol, and which one a call is written in.

Up to 2025-11-25 a client begins with `initialize`, and names the revision that both have agreed on
in a header from then on; we keep no session, so the header is all that is known. Since 2026-07-28
there is no handshake: each call says in `_meta` which revision and capabilities it has, and headers
repeat its routing.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from meshlens.daprkit.mcp.jsonrpc import INVALID_PARAMS, Call, ProtocolFault

LATEST: Final = "2026-07-28"
# The newest first.
WITH_HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
SUPPORTED: Final = (LATEST, *WITH_HANDSHAKE)
# What a call without the header has, which the revisions after it demand.
_UNNAMED: Final = "2025-03-26"
# The only one with batches over HTTP.
WITH_BATCHES: Final = "2025-03-26"

HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

VERSION_HEADER: Final = "mcp-protocol-version"
_METHOD_HEADER: Final = "mcp-method"
_NAME_HEADER: Final = "mcp-name"
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"
DISCOVER: Final = "server/discover"
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")


def name_revision(headers: Mapping[str, str]) -> str:
    """Return the revision that the header of a request names.

    Raises:
        ProtocolFault: we do not know it.
    """
    named = headers.get(VERSION_HEADER, _UNNAMED)
    if named not in SUPPORTED:
        raise refuse_version(named)
    return named


def find_revision(call: Call, headers: Mapping[str, str]) -> str:
    """Return the revision in which a call is to be answered.

    Raises:
        ProtocolFault: we do not know it, or `_meta` and headers are not as it demands.
    """
    named = name_revision(headers)
    meta = call.params.get("_meta")
    own = isinstance(meta, dict) and _VERSION_KEY in meta
    if named in WITH_HANDSHAKE and not own and call.method != DISCOVER:
        return named
    missing = [
        key
        for key in (_VERSION_KEY, _CAPABILITIES_KEY)
        if not (isinstance(meta, dict) and key in meta)
    ]
    if missing or not isinstance(meta, dict):
        raise ProtocolFault(
            INVALID_PARAMS,
            f"params._meta must have {' and '.join(missing)}",
            got="none",
            remedy=f"send them with each call, or begin with initialize at {WITH_HANDSHAKE[0]}",
        )
    version = meta[_VERSION_KEY]
    _compare(VERSION_HEADER, headers.get(VERSION_HEADER), version)
    _compare(_METHOD_HEADER, headers.get(_METHOD_HEADER), call.method)
    if call.method == "tools/call" and "name" in call.params:
        _compare(_NAME_HEADER, _decode(headers.get(_NAME_HEADER)), call.params["name"])
    if version != LATEST:
        raise refuse_version(str(version))
    return LATEST


def refuse_version(requested: str) -> ProtocolFault:
    """Return the refusal of a revision, which names those that we know."""
    return ProtocolFault(
        UNSUPPORTED_VERSION,
        f"the protocol version must be one of {', '.join(SUPPORTED)}",
        got=repr(requested[:40]),
        remedy=f"send {LATEST} with each call, or begin with initialize",
        data={"supported": [*SUPPORTED], "requested": requested[:40]},
    )


def _compare(header: str, sent: str | None, wanted: Any) -> None:  # noqa: ANN401 - a JSON value
    if sent is None or sent != wanted:
        raise ProtocolFault(
            HEADER_MISMATCH,
            f"the header {header} must repeat what the body says",
            got="none" if sent is None else "something else",
            remedy="send both alike",
        )


def _decode(value: str | None) -> str | None:
    """Return the text of a header, which is in base64 where headers cannot hold it."""
    encoded = _ENCODED.fullmatch(value or "")
    if encoded is None:
        return value
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return None
