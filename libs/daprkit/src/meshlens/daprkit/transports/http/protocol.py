"""One connection: uvicorn's protocol, with an end to its patience.

uvicorn waits as long as a client likes for the head of a request, and for an answer to be read.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from meshlens.daprkit.application.refusals import Refusal
from meshlens.daprkit.application.status import Status

# Seconds for the head of a request, from its first byte, or from the connection on.
HEAD_SECONDS = 10.0
# Seconds for the rest of a body that nobody reads any more, so that its sender reads the answer.
LINGER_SECONDS = 5.0
# Seconds that a connection without a request stays when the service stops listening: what its
# client sends meanwhile is refused instead of lost.
LAST_SECONDS = 0.5
# A reader has to take so many bytes a second, looked at every so many seconds.
READ_RATE = 16 * 1024
READ_SECONDS = 10.0

_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


def _do_nothing() -> None: ...


class PatientProtocol(H11Protocol):
    """One connection, which ends when its client is too slow.

    Attributes:
        on_lost: called when the connection has ended.
        rested_since: when its last answer was complete, as the loop counts.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.on_lost: Callable[[], None] = _do_nothing
        self.rested_since = 0.0
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._unread = 0
        self._is_last = False

    @property
    def is_resting(self) -> bool:
        """Whether it waits for a request, of which nothing has come."""
        return self.timeout_keep_alive_task is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        # Any unsent byte counts as a reader who is waited for.
        transport.set_write_buffer_limits(high=1, low=0)
        self._await_head(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)
        self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a head or of a body."""
        if self._is_between() and self._head_timer is None:
            self._await_head(HEAD_SECONDS)
        super().data_received(data)

    def handle_events(self) -> None:
        """Begin a request once its head is whole."""
        super().handle_events()
        if not self._is_between():
            self._stop_waiting()
            if self._is_last:
                self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one's body."""
        self.rested_since = self.loop.time()
        if self.conn.their_state is h11.SEND_BODY:
            self._await_head(LINGER_SECONDS)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to look after a reader who has not taken all that was written."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Stop looking."""
        if self._reader_timer:
            self._reader_timer.cancel()
            self._reader_timer = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has had no request for too long."""
        self.timeout_keep_alive_task = None
        self._leave()

    def shutdown(self) -> None:
        """Let what is asked be answered, and what is asked in the next moment be refused."""
        self._is_last = True
        if self._is_between():
            self.loop.call_later(LAST_SECONDS, self._leave_if_idle)
        else:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        received, _ = self.conn.trailing_data
        too_large = len(received) >= (self.config.h11_max_incomplete_event_size or 0)
        code = 431 if too_large and b"\r\n\r\n" not in received else 400
        text = "the head of a request is too large" if code == 431 else msg  # noqa: PLR2004 - its status
        body = Refusal(Status.INVALID_ARGUMENT, text, b"").encode_json()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=code, headers=headers, reason=_REASONS[code])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event))
        self._leave()

    def _is_between(self) -> bool:
        return self.conn.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)

    def _await_head(self, seconds: float) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(seconds, self._leave)

    def _stop_waiting(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _leave_if_idle(self) -> None:
        if self._is_between():
            self._leave()

    def _leave(self) -> None:
        """Close, and wait for the other side a little only."""
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _watch_reader(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._reader_timer = self.loop.call_later(READ_SECONDS, self._check_reader)

    def _check_reader(self) -> None:
        if self._unread - self.transport.get_write_buffer_size() < READ_RATE * READ_SECONDS:
            self.transport.abort()
        else:
            self._watch_reader()
