"""Addresses of the web: which ones may be fetched from, and how they are shown.

An address may hold credentials: https://user:password@host/model, https://host/model?sig=... So it
is never shown whole, neither to callers nor in the log.
"""

import socket
import urllib.request
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from meshlens.classify.errors import OriginRefused

if TYPE_CHECKING:  # megabytes that most replicas never need
    import httpx

_HIDDEN = "..."
# Where a gateway to IPv4 has the addresses of IPv4 (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")


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
        check: raises OriginRefused if an address must not be called for another reason.
    """

    def __init__(
        self, address: str, *, private: bool, check: Callable[[str], None] = lambda _: None
    ) -> None:
        self._https = address.startswith("https:")
        self._private = private
        self._check = check

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
        self._check(str(request.url))
        if not self._private and _has_private_address(request.url.host):
            raise _refuse(shown)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Look at a connection once it is there, before a byte is sent: an extension of httpcore.

        A name may have another address by now than when its request was looked at. With a proxy the
        connection is the proxy's, which the operator has chosen.

        Raises:
            OriginRefused: it leads where none may.
        """
        if event != "connection.connect_tcp.complete" or self._private:
            return
        stream = info["return_value"]
        peer = stream.get_extra_info("server_addr")[0]
        if _is_private(peer) and not urllib.request.getproxies().keys() & {"https", "all"}:
            stream.close()
            raise _refuse("a name whose address has changed")


def _refuse(shown: str) -> OriginRefused:
    return OriginRefused(
        "expected a public address",
        got=f"{shown}, which is this host or in a private network",
        remedy="set PRIVATE_ORIGINS=true to allow it, or put the file there",
    )


def _has_private_address(host: str) -> bool:
    """Return whether any address of a host is not of the public internet."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # connecting will say so; a proxy may know the name
    return any(_is_private(str(place[0])) for *_, place in found)


def _is_private(address: str) -> bool:
    parsed = ip_address(address)
    return any(not one.is_global for one in (parsed, *_carried_by(parsed)))


def _carried_by(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the addresses of IPv4 to which one of IPv6 leads."""
    if isinstance(address, IPv4Address):
        return ()
    translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
    return tuple(filter(None, (address.ipv4_mapped, address.sixtofour, translated)))
