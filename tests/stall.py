"""A TCP proxy that lets a number of answered bytes through and then holds the rest back."""

import socket
import threading
from contextlib import suppress
from typing import Self

_CHUNK = 16 * 1024


class Stall:
    """Stands before a server on this host; lets everything through until it is told otherwise.

    Attributes:
        port: where it listens.
        upstream: the port of the server.
        reached: set once it holds something back.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.upstream = 0
        self.reached = threading.Event()
        self._left: int | None = None
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for it in (self._listener, *self._open):
            with suppress(OSError):  # its peer has gone already
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def after(self, size: int) -> None:
        """Hold back what the server answers after `size` more bytes."""
        with self._lock:
            self._left = size

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:  # as the client would find it without us
                client.close()
                continue
            self._open += [client, server]
            for source, sink, answers in ((client, server, False), (server, client, True)):
                args = (source, sink, answers)
                threading.Thread(target=self._pass_on, args=args, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001 - a thread's arguments stand in order
        with suppress(OSError):  # one side has gone, and so goes the other
            while data := source.recv(_CHUNK):
                sink.sendall(self._let_through(data) if answers else data)
        for it in (source, sink):
            with suppress(OSError):  # as above
                it.shutdown(socket.SHUT_RDWR)

    def _let_through(self, data: bytes) -> bytes:
        with self._lock:
            if self._left is None:
                return data
            through = data[: self._left]
            self._left -= len(through)
        if len(through) < len(data):
            self.reached.set()
        return through
