"""Which addresses of the web may be called: those of private networks only if that is allowed."""

import socket
import urllib.request
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from meshlens.remote.addresses import hide_credentials
from meshlens.remote.errors import AddressRefused

if TYPE_CHECKING:  # megabytes that most replicas never need
    import httpx

# Where a gateway to IPv4 has the addresses of IPv4 (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")
_CONNECTED = "connection.connect_tcp.complete"
_ANOTHER = "a name whose address has changed"


class Guard:
    """Looks at each request before it is sent, at those to which a redirect leads too.

    Args:
        address: of the first request. If it is https, so must all be.
        private: whether hosts of private networks, this one included, may be called.
        check: raises a fault if an address must not be called for another reason.
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
            AddressRefused: it must not be sent.
        """
        shown = hide_credentials(str(request.url))
        if self._https and request.url.scheme != "https":
            raise AddressRefused(
                "expected redirects from https to https only",
                got=shown,
                remedy="name the address that has the file",
            )
        self._check(str(request.url))
        if not self._private and _has_private_address(request.url.host):
            raise _refuse(shown)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Look at a connection once it is there, before a byte is sent: an extension of httpcore.

        Raises:
            AddressRefused: it leads where none may.
        """
        if event == _CONNECTED and not self._may_reach(info["return_value"]):
            info["return_value"].close()
            raise _refuse(_ANOTHER)

    async def trace_async(self, event: str, info: Mapping[str, Any]) -> None:
        """Do what `trace` does, for a client that is asynchronous.

        Raises:
            AddressRefused: it leads where none may.
        """
        if event == _CONNECTED and not self._may_reach(info["return_value"]):
            await info["return_value"].aclose()
            raise _refuse(_ANOTHER)

    def _may_reach(self, stream: Any) -> bool:  # noqa: ANN401 - httpcore has one for each kind of client
        """Return whether a connection may be used.

        A name may have another address by now than when its request was looked at. With a proxy the
        connection is the proxy's, which the operator has chosen.
        """
        if self._private:
            return True
        needed = {"https"} if self._https else {"http", "https"}
        proxied = urllib.request.getproxies().keys()
        peer = stream.get_extra_info("server_addr")[0]
        return "all" in proxied or needed <= proxied or not _is_private(peer)


def _refuse(shown: str) -> AddressRefused:
    return AddressRefused(
        "expected a public address",
        got=f"{shown}, which is this host or in a private network",
        remedy="name another, or let the operator set PRIVATE_ORIGINS=true",
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
