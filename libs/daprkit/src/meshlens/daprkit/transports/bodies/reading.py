"""Bodies of gRPC calls: read once there is memory for them, and counted until they are answered.

Of a stream that is each of its messages, one after the other. The library receives a message of
each open stream at any time, so the number of streams bounds what arrives in them.

By itself the library reads the message of a call before it calls the handler, and parses it in the
one thread that serves all connections. A handler of a stream of requests is given an iterator
instead. On the wire both are the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from meshlens.daprkit.application.callers import read_caller
from meshlens.daprkit.errors import CallerGone, InvalidRequest
from meshlens.daprkit.transports.bodies.memory import Memory, Share
from meshlens.daprkit.transports.bodies.readers import Readers
from meshlens.daprkit.transports.interceptor import Continuation, Handler, replace_behaviour

_Parse: TypeAlias = Callable[[bytes], Any] | None


class BodyInterceptor(grpc.ServerInterceptor):
    """Reads the messages of calls that have one, and counts those of others.

    Args:
        memory: what bodies may take.
        readers: how many may arrive at the same time.
        concerns: returns whether it reads those of a method.
    """

    def __init__(self, memory: Memory, readers: Readers, concerns: Callable[[str], bool]) -> None:
        self._memory = memory
        self._readers = readers
        self._concerns = concerns

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler, as one that reads its message itself, or whose messages count."""
        handler = continuation(handler_call_details)
        if handler is None or not self._concerns(handler_call_details.method):
            return handler
        if handler.request_streaming:
            return self._count_messages(handler)
        # Those of whom no sidecar says who they are share by what they call.
        method = handler_call_details.method
        caller = read_caller(handler_call_details.invocation_metadata) or method
        behaviour: Any = handler.unary_stream or handler.unary_unary
        # That is health's Watch, which sends by a callback and waits for nothing.
        if hasattr(behaviour, "experimental_non_blocking"):
            return handler
        parse = handler.request_deserializer

        def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            with self._receive(messages, context, caller, parse) as message:
                return behaviour(message, context)

        def answer_all(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            with self._receive(messages, context, caller, parse) as message:
                yield from behaviour(message, context)

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                answer_all, response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            answer, response_serializer=handler.response_serializer
        )

    def _count_messages(self, handler: "grpc.RpcMethodHandler[Any, Any]") -> Handler:
        parse = handler.request_deserializer
        behaviour: Any = handler.stream_stream or handler.stream_unary

        def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            with self._memory.share() as share:
                return behaviour(_count(messages, share, parse), context)

        def answer_each(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            with self._memory.share() as share:
                yield from behaviour(_count(messages, share, parse), context)

        wrapped = answer_each if handler.response_streaming else answer
        return replace_behaviour(handler, wrapped, None, handler.response_serializer)

    @contextmanager
    def _receive(
        self, messages: Iterator[bytes], context: grpc.ServicerContext, caller: str, parse: _Parse
    ) -> Iterator[Any]:
        self._memory.check()
        with self._memory.share() as share:
            with self._readers.read(caller, context.cancel):
                message: Any = _read(messages, context)
                share.add(len(message))
                if parse:
                    message = _parse(parse, message)
            yield message


def _read(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    try:
        return next(messages)
    except grpc.RpcError:
        raise _gone() from None
    except StopIteration:
        if not context.is_active():
            raise _gone() from None
        raise InvalidRequest(
            "a call must have a message", got="none", remedy="send one, which may be empty"
        ) from None


def _count(messages: Iterator[bytes], share: Share, parse: _Parse) -> Iterator[Any]:
    """Yield messages, each of which counts until the next is wanted.

    Raises:
        TooManyBytes: there is no room for one, which ends the stream.
    """
    for message in messages:
        share.add(len(message))
        yield _parse(parse, message) if parse else message
        # Else it would be there as long as the stream is idle.
        del message
        share.give_back()


def _parse(parse: Callable[[bytes], Any], message: bytes) -> object:
    try:
        return parse(message)
    except DecodeError as error:
        raise InvalidRequest(
            "the message of a call must be that of its method",
            got=f"{len(message)} bytes that are none ({error})",
            remedy="generate the client from the .proto file of the service",
        ) from None


def _gone() -> CallerGone:
    return CallerGone("the caller went away before its message was here")
