"""Addresses of servers, as users write them."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.exchange import Door

_SCHEMES = {"http": Door.HTTP, "https": Door.HTTP, "grpc": Door.GRPC, "grpcs": Door.GRPC}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server takes requests.

    Attributes:
        url: as written, without a slash at its end.
        door: what goes there.
        secure: whether by TLS.
        host: its name.
        port: its port.
    """

    url: str
    door: Door
    secure: bool
    host: str
    port: int

    @property
    def target(self) -> str:
        """Host and port, as gRPC takes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """Return the address in a text.

    Raises:
        TrafficFault: it is none.
    """
    parts = urlsplit(text)
    door = _SCHEMES.get(parts.scheme)
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    beyond = parts.query or parts.fragment or (door is Door.GRPC and parts.path.strip("/"))
    if not (door and parts.hostname and port) or beyond:
        raise TrafficFault(
            "expected an address of a server",
            got=repr(text),
            remedy="write it as http://host:8000/path or grpc://host:8001; by TLS https or grpcs",
        )
    secure = parts.scheme in ("https", "grpcs")
    return Address(text.rstrip("/"), door, secure, parts.hostname, port)
