"""Channels of gRPC that carry messages as bytes, of any service."""

import base64
import re
from collections.abc import Iterable

import grpc

from meshlens.command.traffic.addresses import Address
from meshlens.command.traffic.exchange import Headers

# Values of these are bytes; recordings hold them in base64.
_BINARY = "-bin"
_NAME = re.compile(r"[0-9a-z_.-]+")


def open_channel(address: Address, *, largest: int) -> grpc.aio.Channel:
    """Return a channel to a server.

    Args:
        address: of the server.
        largest: bytes of a message, either way.
    """
    options = [
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", largest),
        # What a client retries is seen more than once.
        ("grpc.enable_retries", 0),
    ]
    if address.secure:
        return grpc.aio.secure_channel(address.target, grpc.ssl_channel_credentials(), options)
    return grpc.aio.insecure_channel(address.target, options)


def as_text(metadata: Iterable[tuple[str, str | bytes]]) -> Headers:
    """Return metadata as headers are."""
    return [
        (name, value if isinstance(value, str) else base64.b64encode(value).decode())
        for name, value in metadata
    ]


def as_metadata(headers: Headers) -> list[tuple[str, str | bytes]]:
    """Return headers as metadata; their names in lower case, as gRPC has them.

    Raises:
        ValueError: they are none, which grpc itself takes for a call that was cancelled.
    """
    metadata: list[tuple[str, str | bytes]] = []
    for name, value in headers:
        key = name.lower()
        if not _NAME.fullmatch(key):
            raise ValueError(f"no name of metadata: {name!r}")
        if key.endswith(_BINARY):
            metadata.append((key, base64.b64decode(value, validate=True)))
        elif value.isascii() and value.isprintable():
            metadata.append((key, value))
        else:
            raise ValueError(f"metadata {name} that is not ASCII")
    return metadata
