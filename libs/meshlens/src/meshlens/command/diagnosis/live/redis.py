"""What a Redis says of itself, by a few lines of its protocol."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 2.0
_MOST_BYTES = 64 * 1024
_USUAL_PORT = 6379
_SETTINGS = ("appendonly", "appendfsync", "save", "maxmemory-policy")


class RedisRefusal(Exception):
    """It cannot be examined; the message says why."""


@dataclass(slots=True)
class Answers:
    """What a Redis has answered.

    Attributes:
        settings: by name.
        ahead: seconds that its clock is ahead of ours.
    """

    settings: dict[str, str]
    ahead: float


def examine_redis(address: str, *, password: str = "", user: str = "") -> Answers:
    """Return the settings and the clock of a Redis.

    Args:
        address: host:port, or the path of a socket, as Dapr's redisHost.
        password: empty for none.
        user: empty for the default one.

    Raises:
        RedisRefusal: nobody answers, it is no Redis, or it does not answer this user.
    """
    try:
        with _connect(address) as connection:
            answers = _Conversation(connection)
            if password:
                answers.ask("AUTH", *([user] if user else []), password)
            before = time.time()
            seconds, microseconds = answers.ask("TIME")
            middle = (before + time.time()) / 2
            settings: dict[str, str] = {}
            for name in _SETTINGS:
                pair = answers.ask("CONFIG", "GET", name)
                settings |= dict(zip(pair[::2], pair[1::2], strict=True))
            return Answers(settings, int(seconds) + int(microseconds) / 1e6 - middle)
    except (OSError, ValueError, RecursionError) as error:
        raise RedisRefusal(str(error) or type(error).__name__) from error


def _connect(address: str) -> socket.socket:
    if Path(address).is_absolute():
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_SECONDS)
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = address.rpartition(":")
    place = (host or address, int(port) if host else _USUAL_PORT)
    return socket.create_connection(place, timeout=_SECONDS)


class _Conversation:
    """Commands to a Redis, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def ask(self, *words: str) -> Sequence[str]:
        """Send a command and return the answer, a single value as a list of one."""
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(it), it) for it in map(str.encode, words))
        self._connection.sendall(b"*%d\r\n%s" % (len(words), parts))
        return self._read()

    def _read(self) -> Sequence[str]:
        line = self._read_line()
        kind, rest = line[:1], line[1:]
        if kind == "-":
            raise ValueError(f"it says: {rest}")
        if kind in {"+", ":"}:
            return [rest]
        if kind == "$":
            return [self._read_bytes(int(rest))] if int(rest) >= 0 else []
        if kind in {"*", "%"}:
            count = int(rest) * (2 if kind == "%" else 1)
            if count > _MOST_BYTES:
                raise ValueError("a longer answer than a Redis has")
            return [text for _ in range(count) for text in self._read()]
        raise ValueError(f"expected an answer of Redis, got {line[:40]!r}")

    def _read_line(self) -> str:
        while b"\r\n" not in self._received:
            self._receive()
        line, _, self._received = self._received.partition(b"\r\n")
        return line.decode(errors="replace")

    def _read_bytes(self, count: int) -> str:
        if count > _MOST_BYTES:
            raise ValueError("a longer answer than a Redis has")
        while len(self._received) < count + 2:
            self._receive()
        text, self._received = self._received[:count], self._received[count + 2 :]
        return text.decode(errors="replace")

    def _receive(self) -> None:
        more = self._connection.recv(4096)
        if not more or len(self._received) > _MOST_BYTES:
            raise ValueError("the answer ended early" if not more else "the answer is too long")
        self._received += more
