"""Headers that belong to a connection or to a caller, and not to a request."""

from collections.abc import Iterable

from meshlens.command.traffic.exchange import Headers

_OF_CONNECTIONS = {
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_OF_GRPC = {"content-type", "user-agent"}
# What proves who calls is neither recorded nor sent again.
_SECRET = {
    "authorization",
    "cookie",
    "dapr-api-token",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
}


def forwarded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return what a forwarder passes on."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_CONNECTIONS]


def find_length(headers: Headers) -> Headers:
    """Return the header that says how long a body is, which its forwarder leaves as it is."""
    return [(name, value) for name, value in headers if name.lower() == "content-length"]


def forwarded_metadata(
    metadata: Iterable[tuple[str, str | bytes]],
) -> list[tuple[str, str | bytes]]:
    """Return what a forwarder of gRPC passes on; the library writes the rest itself."""
    return [
        (name, value)
        for name, value in metadata
        if name not in _OF_GRPC and not name.startswith((":", "grpc-"))
    ]


def recorded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return what a recording holds."""
    return [(name, value) for name, value in forwarded(headers) if name.lower() not in _SECRET]


def find_header(headers: Headers, name: str) -> str:
    """Return the value of a header by its name in lower case; empty if there is none."""
    return next((value for known, value in headers if known.lower() == name), "")
