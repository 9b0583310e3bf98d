"""uvicorn's server, with a bound on its connections and an end that loses no request."""

import asyncio
import socket
from collections.abc import Callable

from uvicorn import Config, Server

from meshlens.daprkit.transports.http.handshakes import HANDSHAKE_REST_SECONDS, stop_handshakes
from meshlens.daprkit.transports.http.protocol import PatientProtocol
from meshlens.daprkit.transports.http.tls import TlsFiles

# More wait in the kernel's queue. Each has a file, of which a process often may have 1024.
MOST_CONNECTIONS = 512
# Seconds for the handshake of TLS.
HANDSHAKE_SECONDS = 10.0
# Seconds before another try if the process has no file left for a connection.
_AGAIN_SECONDS = 0.5
# Seconds for the answers to requests that are cut off at the end.
_CUT_SECONDS = 1.0


class BoundedServer(Server):
    """Accepts connections itself: uvicorn neither limits them nor their handshakes.

    Args:
        config: of uvicorn.
        at_end: called when no connection can come any more, before the last ones end.
        listening: the socket.
        tls: secures connections; None for none.
    """

    def __init__(
        self,
        config: Config,
        at_end: Callable[[], None],
        listening: socket.socket,
        tls: TlsFiles | None,
    ) -> None:
        super().__init__(config)
        self._at_end = at_end
        self._socket = listening
        self._tls = tls
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._connecting: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets or [])
        self._accepting = asyncio.create_task(self._accept())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept what has come, listen no more, and end when everything is answered."""
        if stop_handshakes(self._socket):
            await asyncio.sleep(HANDSHAKE_REST_SECONDS)
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._accept_rest()
        self._socket.close()
        if self._connecting:
            await asyncio.wait(self._connecting)
        self._at_end()
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_CUT_SECONDS)

    async def _accept(self) -> None:
        while True:
            await self._wait_for_caller()
            await self._make_room()
            try:
                accepted, _ = self._socket.accept()
            except OSError as error:
                self._room.release()
                # One that has left again is no reason to wait.
                if not isinstance(error, BlockingIOError):
                    await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._begin(accepted)

    async def _wait_for_caller(self) -> None:
        """Return when a connection waits; not sock_accept, which loses one if cancelled with it."""
        loop = asyncio.get_running_loop()
        waits = asyncio.Event()
        loop.add_reader(self._socket, waits.set)
        try:
            await waits.wait()
        finally:
            loop.remove_reader(self._socket)

    def _accept_rest(self) -> None:
        """Accept what is in the kernel's queue, which closing the socket would reset."""
        for _ in range(MOST_CONNECTIONS):
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            accepted.setblocking(False)  # noqa: FBT003 - socket takes it by position
            self._begin(accepted)

    def _begin(self, accepted: socket.socket) -> None:
        task = asyncio.create_task(self._connect(accepted))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        protocol = PatientProtocol(self.config, self.server_state, {})
        protocol.on_lost = self._room.release
        context = self._tls.context() if self._tls else None
        try:
            # asyncio does it only to sockets that name their protocol, which accepted ones do not.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                accepted,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS if context else None,
            )
        except OSError:
            # No handshake: whatever connected is no caller.
            accepted.close()
            self._room.release()

    async def _make_room(self) -> None:
        while True:
            if self._room.locked():
                self._end_longest_rest()
            try:
                # Not wait_for, which Python 3.11 may leave without its cancellation.
                async with asyncio.timeout(_AGAIN_SECONDS):
                    await self._room.acquire()
            except TimeoutError:
                continue
            return

    def _end_longest_rest(self) -> None:
        """End the connection that has had no request for longest."""
        resting = [
            one
            for one in self.server_state.connections
            if isinstance(one, PatientProtocol) and one.is_resting
        ]
        if resting:
            min(resting, key=lambda one: one.rested_since).timeout_keep_alive_handler()
