"""The ports of the mesh: which ones, whether they are free, and who holds those that are not.

The layout is that of dapr.yaml, where 3500 is the base: 3501 and 3502 are the sidecars' HTTP ports.
"""

import secrets
import socket
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.processes import find_listeners

BASE = 3500
FREE = "free"
# Below 32768, where Linux begins to choose ports for outgoing connections.
_POOL = range(20_000, 32_768)
# Goes round the pool from a place drawn at random, for all who ask in this process: a port is free
# until its user listens, which may be seconds after it was handed out.
_PLACES = count(secrets.randbelow(len(_POOL)))
_LOWEST = 1024
_SPAN = 100


def read_base(text: str) -> int | None:
    """Return the base that `--ports` names, None for free ports.

    Raises:
        MeshError: it is neither a base nor the word free.
    """
    if text == FREE:
        return None
    highest = 65_535 - _SPAN
    if not text.isdecimal() or not _LOWEST <= int(text) <= highest:
        raise MeshError(
            f"ports must be {FREE} or a base from {_LOWEST} to {highest}, got {text!r};"
            f" {BASE} stands for {BASE + 1} to {BASE + 52}"
        )
    return int(text)


def free_ports() -> Iterator[int]:
    """Yield ports that nobody listens on, and that no other call in this process has yielded.

    Only when all of the pool have been yielded, the first come again.
    """
    for _ in _POOL:
        port = _POOL[next(_PLACES) % len(_POOL)]
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        yield port


def check_ports(wanted: Mapping[int, str]) -> None:
    """Check that the mesh can listen on its ports.

    Args:
        wanted: what each port is for.

    Raises:
        MeshError: another program holds some of them.
    """
    held = {port: use for port, use in wanted.items() if _is_held(port)}
    if not held:
        return
    listeners = find_listeners()
    port, use = next(iter(held.items()))
    holder = _describe(listeners[port]) if port in listeners else "another program"
    others = ", ".join(map(str, list(held)[1:]))
    raise MeshError(
        f"port {port} ({use}) must be free, but {holder} holds it"
        f"{f' (not free either: {others})' if others else ''};"
        f" stop that, or take other ports: meshlens up --ports {FREE}, or make run PORTS={FREE}"
    )


def _is_held(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that have ended do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _describe(process: Path) -> str:
    """Return what a process runs, and its id."""
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # it has just ended
        return f"a program (pid {process.name})"
    command = b" ".join([words[0].rpartition(b"/")[2], *words[1:4]]).decode(errors="replace")
    return f"{command} (pid {process.name})"
