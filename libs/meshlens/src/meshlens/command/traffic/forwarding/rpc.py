"""A forwarder of gRPC, for any service: it carries messages as bytes."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc

from meshlens.command.traffic.channels import as_text
from meshlens.command.traffic.ends import watch_end
from meshlens.command.traffic.exchange import Answer, Door, Request
from meshlens.command.traffic.forwarding.copy import Copy
from meshlens.command.traffic.headers import forwarded_metadata, recorded
from meshlens.command.traffic.recording import Recorder


class RpcForwarder(grpc.GenericRpcHandler):
    """Passes calls on to a server, message by message, and records them.

    On the wire a call of one message is a stream of one, so that it need not know which is which.

    Args:
        channel: to the server.
        recorder: of what has passed.
        largest: bytes of a call, either way, that are recorded; larger ones only pass.
    """

    def __init__(self, channel: grpc.aio.Channel, recorder: Recorder, *, largest: int) -> None:
        self._channel = channel
        self._recorder = recorder
        self._largest = largest

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - as grpc has it
        """Return the handler of a call."""
        path = handler_call_details.method

        async def forward(
            requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
        ) -> AsyncIterator[bytes]:
            async for message in self._forward(path, requests, context):
                yield message

        return grpc.stream_stream_rpc_method_handler(forward)

    async def _forward(
        self,
        path: str,
        requests: AsyncIterator[bytes],
        context: grpc.aio.ServicerContext[bytes, bytes],
    ) -> AsyncIterator[bytes]:
        metadata = forwarded_metadata(context.invocation_metadata() or ())
        sent, come = Copy(self._largest), Copy(self._largest)

        async def passed() -> AsyncIterator[bytes]:
            async for message in requests:
                yield sent.keep(message)

        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(path)
        call = method(passed(), metadata=metadata, timeout=context.time_remaining())
        ended = watch_end(call)
        try:
            with suppress(grpc.aio.AioRpcError):  # the end says it
                await context.send_initial_metadata(
                    forwarded_metadata(await call.initial_metadata())
                )
                async for message in call:
                    yield come.keep(message)
        finally:
            call.cancel()
        end = await ended
        context.set_trailing_metadata(forwarded_metadata(end.metadata))
        context.set_code(end.status)
        context.set_details(end.text)
        if not sent.whole or not come.whole:
            self._recorder.leave_out()
            return
        self._recorder.write(
            Request(Door.GRPC, "POST", path, recorded(as_text(metadata)), sent.pieces),
            Answer(end.status.name, end.text, (), come.pieces),
        )
