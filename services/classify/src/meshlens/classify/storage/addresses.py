"""Addresses of the web: which ones may be fetched from, and how they are shown.

An address may hold credentials: https://user:password@host/model, https://host/model?sig=... So it
is never shown whole, neither to callers nor in the log.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshlens.classify.errors import OriginRefused

if TYPE_CHECKING:  # megabytes that most replicas never need
    import httpx

_HIDDEN = "..."


def hide_credentials(address: str) -> str:
    """Return an address of the web without user, password, query and fragment."""
    try:
        scheme, host, path, query, fragment = urlsplit(address)
    except ValueError:  # brackets that hold no IPv6 address
        return f"{address.partition(':')[0]}://{_HIDDEN}"
    if "@" in path + query + fragment:  # it may end a password that has a slash or the like in it
        return f"{scheme}://{_HIDDEN}"
    rest = f"?{_HIDDEN}" if query or fragment else ""
    return f"{scheme}://{host.rpartition('@')[2]}{path}{rest}"


class Guard:
    """Looks at each request before it is sent, at those to which a redirect leads too.

    Args:
        address: of the first request. If it is https, so must all be.
        private: whether hosts of private networks, this one included, may be called.
    """

    def __init__(self, address: str, *, private: bool) -> None:
        self._https = address.startswith("https:")
        self._private = private

    def __call__(self, request: "httpx.Request") -> None:
        """Let a request pass.

        Raises:
            OriginRefused: it must not be sent.
        """
        shown = hide_credentials(str(request.url))
        if self._https and request.url.scheme != "https":
            raise OriginRefused(
                "expected redirects from https to https only",
                got=shown,
                remedy="name the address that has the file, or put the file there",
            )
        if not self._private and _is_private(request.url.host):
            raise OriginRefused(
                "expected a public address",
                got=f"{shown}, which is this host or in a private network",
                remedy="set PRIVATE_ORIGINS=true to allow it, or put the file there",
            )


def _is_private(host: str) -> bool:
    """Return whether any address of a host is not of the public internet."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # connecting will say so; a proxy may know the name
    return any(not _plain(str(place[0])).is_global for *_, place in found)


def _plain(address: str) -> IPv4Address | IPv6Address:
    parsed = ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
