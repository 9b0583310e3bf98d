"""Where processes listen."""

from ipaddress import IPv6Address, ip_address

import psutil


def listening(pid: int) -> dict[int, str]:
    """Return the ports that a process and its descendants listen on, each with its address."""
    process = psutil.Process(pid)
    return {
        connection.laddr.port: connection.laddr.ip
        for one in (process, *process.children(recursive=True))
        for connection in one.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def is_loopback(address: str) -> bool:
    """Whether nobody on another host can connect to an address."""
    parsed = ip_address(address)
    # gRPC listens on IPv4 by IPv6 sockets.
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
