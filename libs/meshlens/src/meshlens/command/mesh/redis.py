"""Whether the Redis of the profile redis can be used, before anything starts that needs it."""

import socket

from meshlens.command.mesh.errors import MeshError

_SECONDS = 2.0


def check_redis(address: str, password: str) -> None:
    """Check that a Redis answers, and takes the password.

    Args:
        address: REDIS_HOST, as host:port.
        password: REDIS_PASSWORD; empty for none.

    Raises:
        MeshError: it does not; the message says what to do.
    """
    needs = f"PROFILE=redis needs Redis at REDIS_HOST={address}"
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
            refusal = _ask(client, "AUTH", password) if password else ""
            answer = _ask(client, "PING")
    except (OSError, ValueError) as error:
        raise MeshError(
            f"{needs}, got: {error};"
            " start one (redis-server) or name another as REDIS_HOST=host:port"
        ) from error
    if refusal.startswith("-") or answer.startswith("-NOAUTH"):
        said = (refusal if refusal.startswith("-") else answer).removeprefix("-")
        raise MeshError(f"{needs}, which says: {said}; set REDIS_PASSWORD, or unset it for none")
    if answer != "+PONG":
        raise MeshError(
            f"{needs}, got {answer!r} to PING, which is no Redis; name another as"
            " REDIS_HOST=host:port"
        )


def _ask(client: socket.socket, *words: str) -> str:
    """Send a command and return the first line of the answer."""
    parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    client.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
    received = b""
    while b"\n" not in received:
        more = client.recv(4096)
        if not more:
            break
        received += more
    return received.split(b"\r\n")[0].decode(errors="replace")
