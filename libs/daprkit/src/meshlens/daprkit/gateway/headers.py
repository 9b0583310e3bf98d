"""Which headers cross the gateway: those between the two ends, and no other."""

from collections.abc import Mapping

# RFC 9110, section 7.6.1: they are about one connection, as is the rest here.
_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What daprd says about a call, without its prefix: who calls, from where, and in which trace. An
# event comes from outside the mesh and must not say it.
_SIDECAR = frozenset(
    {
        "api-token",
        "app-id",
        "baggage",
        "callee-app-id",
        "caller-app-id",
        "caller-namespace",
        "forwarded",
        "traceparent",
        "tracestate",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
_PREFIXES = ("dapr-", "grpc-", ":")


def keep_request(headers: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an event that its method gets, and what the sidecar says of the call.

    Args:
        headers: of the event, names in lower case.
        outer: of the call that brought the event, likewise.
    """
    said = {name: value for name, value in outer.items() if name in _SIDECAR}
    return _keep(headers) | said


def keep_answer(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that leave the mesh, names in lower case."""
    return _keep({name.lower(): value for name, value in headers.items()})


def _keep(headers: Mapping[str, str]) -> dict[str, str]:
    named = {part.strip().lower() for part in headers.get("connection", "").split(",")}
    return {
        name: value
        for name, value in headers.items()
        if name not in _CONNECTION | _SIDECAR | named and not name.startswith(_PREFIXES)
    }
