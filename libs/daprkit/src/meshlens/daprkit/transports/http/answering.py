"""Requests by HTTP -> the application."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.errors import Stopping
from meshlens.daprkit.telemetry.traces import Spans
from meshlens.daprkit.transports.bodies.memory import Memory
from meshlens.daprkit.transports.http.probes import Probes
from meshlens.daprkit.transports.http.refusals import Answer, refuse
from meshlens.daprkit.transports.http.requests import (
    Message,
    Receive,
    Send,
    check_head,
    check_token,
    read_body,
    read_headers,
    read_invocation,
    read_path,
)
from meshlens.daprkit.transports.trace_context import follow_trace

METRICS = "metrics"
# An answer of so many bytes is counted until its reader has taken it.
_LARGE = 64 * 1024
# Long before, the service has stopped.
_LONGEST_HOLD = 10.0


class Caller:
    """Whoever waits for the answer, and what to do once it no longer does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gone = False
        self._callbacks: list[Callable[[], None]] = []

    def on_gone(self, callback: Callable[[], None]) -> bool:
        """Call `callback` once the caller has gone; return False if it has already."""
        with self._lock:
            if not self._gone:
                self._callbacks.append(callback)
            return not self._gone

    def leave(self) -> None:
        """The caller has gone."""
        with self._lock:
            self._gone = True
        for callback in self._callbacks:
            callback()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every request needs.

    Attributes:
        application: answers it.
        token: the app's token; empty to take every call.
        max_body: size of the largest body in bytes.
        memory: bytes of the bodies that may be there.
        executor: where the application is called.
        probes: what is answered without it.
        spans: creates spans; None to create none.
        show_metrics: answers the path `metrics`; None to answer it as any other.
    """

    application: Application
    token: str
    max_body: int
    memory: Memory
    executor: Executor
    probes: Probes
    spans: Spans | None
    show_metrics: Callable[[Invocation], Answer] | None


class Answering:
    """The ASGI application.

    Args:
        context: what every request needs.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_leaving = False
        self._is_late = False
        self._released = asyncio.Event()

    def leave(self) -> None:
        """Say in every answer from now on that the connection ends with it."""
        self._is_leaving = True

    def hold(self) -> None:
        """From now on let no request begin: each waits, to be refused after `release`."""
        self._is_leaving = self._is_late = True

    def release(self) -> None:
        """Refuse what waits, and what is still to come, at once."""
        self.hold()
        self._released.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = read_headers(scope)
        is_unread = "content-length" in headers or "transfer-encoding" in headers
        expects = headers.get("expect", "").lower() == "100-continue"
        is_seen = False
        with self._context.memory.share() as share:
            try:
                probe = self._context.probes.answer(scope)
                if probe:
                    answer = probe
                else:
                    check_head(scope)
                    check_token(headers, self._context.token)
                    await self._refuse_late()
                    body = await read_body(
                        receive, headers, most=self._context.max_body, share=share
                    )
                    if body is None:
                        return
                    is_unread = False
                    call = read_invocation(scope, headers, body)
                    # From here on the application counts it.
                    is_seen = True
                    answer = await self._invoke(call, receive)
            except asyncio.CancelledError:
                # The service has waited long enough for what was running.
                answer = self._refuse(scope, _stopping())
            except Exception as error:  # noqa: BLE001 - the one place that maps them all
                if not is_seen:
                    self._context.application.count_refusal("http", error)
                answer = self._refuse(scope, error)
            if len(answer.body) > _LARGE:
                share.hold(len(answer.body))
            # Whoever waits for permission to send a body does not send it after a refusal.
            await self._send(send, answer, close=self._is_leaving or (is_unread and expects))

    async def _refuse_late(self) -> None:
        if self._is_late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_HOLD):
                    await self._released.wait()
            raise _stopping()

    async def _invoke(self, call: Invocation, receive: Receive) -> Answer:
        caller = Caller()
        watch = asyncio.create_task(_watch(receive, caller))
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._context.executor, partial(self._call, call, caller)
            )
        finally:
            watch.cancel()

    def _call(self, call: Invocation, caller: Caller) -> Answer:
        if self._context.show_metrics and call.path == METRICS:
            return self._context.show_metrics(call)
        with follow_trace(call.headers, self._context.spans, name=f"{call.verb} /{call.path}"):
            reply = self._context.application.invoke(call, on_caller_gone=caller.on_gone)
        return Answer(200, reply.body, reply.content_type, reply.headers)

    def _refuse(self, scope: Message, error: Exception) -> Answer:
        try:
            failure = self._context.application.find_failure(read_path(scope))
        except Exception:  # noqa: BLE001 - a path that cannot be read has no route
            failure = None
        return refuse(error, self._context.application.refuse(error), failure)

    async def _send(self, send: Send, answer: Answer, *, close: bool) -> None:
        headers = {
            # Browsers take no answer for anything else than it says, refusals included.
            "x-content-type-options": "nosniff",
            **answer.headers,
            "content-type": answer.content_type,
            "content-length": str(len(answer.body)),
        }
        if not answer.content_type:
            del headers["content-type"]
        if close:
            headers["connection"] = "close"
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            }
        )
        if len(answer.body) > _LARGE:
            # The second part, which is empty, waits until the first has been read.
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
            await send({"type": "http.response.body"})
        else:
            await send({"type": "http.response.body", "body": answer.body})


async def _watch(receive: Receive, caller: Caller) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    caller.leave()


def _stopping() -> Stopping:
    return Stopping(
        "expected a service that takes calls",
        got="one that is shutting down",
        remedy="try again; a replica or its successor answers",
    )
