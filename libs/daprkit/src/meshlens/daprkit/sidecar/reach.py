"""Whether a sidecar is there at all: it tells one that is missing from one that fails.

Not by the channel: the library's watch of one goes on in a thread, which fails loudly if the
channel is closed before its next look.
"""

import socket
from urllib.parse import urlsplit

# Long enough for a sidecar on this host to answer.
_SECONDS = 0.2


def listens(address: str) -> bool:
    """Return whether something listens at an address of gRPC; it takes up to 0.2 s.

    Args:
        address: host and port, as `host:port` or `dns:///host:port`; of another kind, such as
            `unix:/run/dapr`, it counts as listening.
    """
    parts = urlsplit(f"//{address.removeprefix('dns:///')}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        return True
    if not host or not port:
        return True
    try:
        with socket.create_connection((host, port), _SECONDS):
            return True
    except OSError:
        return False
