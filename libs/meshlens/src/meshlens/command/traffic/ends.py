"""How calls of gRPC end, by what their servers say."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

import grpc

_T = TypeVar("_T")
_Call = grpc.aio.StreamStreamCall[bytes, bytes]


class End(NamedTuple):
    """What ends a call: its status, the text, and the trailing metadata."""

    status: grpc.StatusCode
    text: str
    metadata: grpc.aio.Metadata


def watch_end(call: _Call) -> asyncio.Future[End]:
    """Return a future of the end of a call, which comes when the server says it, or the client.

    A call itself forgets it: when a server ends a call that a message is being sent to, grpc.aio
    puts INTERNAL in the place of the status that it had (https://github.com/grpc/grpc/issues/36066,
    open at 1.85).
    """
    ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def keep(_: object) -> None:
        ended.set_result(
            End(
                _take(call.code()),
                _take(call.details()) or "",
                _take(call.trailing_metadata()),
            )
        )

    call.add_done_callback(keep)
    return ended


def _take(ready: Coroutine[Any, Any, _T]) -> _T:
    """Return what a coroutine returns that has nothing to wait for."""
    try:
        ready.send(None)
    except StopIteration as stop:
        result: _T = stop.value
        return result
    raise RuntimeError("the call has no status, though it is done")
