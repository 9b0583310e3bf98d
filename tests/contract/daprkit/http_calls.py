"""How tests call the HTTP listener of a toy service: by a client, and by bytes of their own."""

import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from contract.daprkit.toy import serving
from processes import free_ports

from meshlens.daprkit.server import Server

HOST = "127.0.0.1"
# Longer than anything here takes; what hangs fails.
PATIENCE = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


@contextmanager
def listening(**changes: Any) -> Iterator[tuple[Server, int, int]]:  # noqa: ANN401 - of any setting
    """Serve by gRPC and HTTP; hand over the server and both ports, that of HTTP last."""
    port = next(free_ports())
    with serving(http_port=port, **changes) as (server, grpc_port):
        yield server, grpc_port, port


def call(
    port: int,
    path: str,
    body: bytes | None = None,
    *,
    verb: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one call on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        return call_on(connection, path, body, verb=verb, headers=headers)
    finally:
        connection.close()


def call_on(
    connection: http.client.HTTPConnection,
    path: str,
    body: bytes | None = None,
    *,
    verb: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    verb = verb or ("GET" if body is None else "POST")
    connection.request(verb, path, body, dict(headers or {}))
    answer = connection.getresponse()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, named, answer.read())


def connect(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=PATIENCE)


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer from a connection, and nothing behind it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise EOFError(head)
        head += byte
    lines = head.decode().split("\r\n")
    headers = dict(re.split(r":\s*", line, maxsplit=1) for line in lines[1:] if line)
    body = b""
    while left := int(headers.get("content-length", 0)) - len(body):
        part = connection.recv(left)
        assert part
        body += part
    return Answer(int(lines[0].split()[1]), headers, body)


def is_ended(connection: socket.socket) -> bool:
    """Wait for the other side to end a connection; what still comes is dropped."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True
