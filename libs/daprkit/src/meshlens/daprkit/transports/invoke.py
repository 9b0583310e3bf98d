"""Invoked methods: OnInvoke -> the application.

dapr-ext-grpc's App knows exact method names only and drops verb, query and headers. This
interceptor takes OnInvoke over and leaves the App everything else: topics, bindings, health.
"""

from collections.abc import Mapping

import grpc
from dapr.proto import common_v1
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.callers import read_caller
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.transports.interceptor import Continuation, Handler

ON_INVOKE = "/dapr.proto.runtime.v1.AppCallback/OnInvoke"
# daprd adds this prefix to the permanent HTTP headers.
_FORWARDED = "dapr-"
# Browsers show these, and must not take them for anything else. Not for every answer: headers are
# a message of their own, which makes an empty call a sixth longer.
_RENDERED = ("text/", "image/")
_NOSNIFF = "x-content-type-options"


class InvokeInterceptor(grpc.ServerInterceptor):
    """Sends OnInvoke to the application instead of the App's own table of names."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._handler = grpc.unary_unary_rpc_method_handler(
            self._on_invoke,
            request_deserializer=_parse,
            response_serializer=common_v1.InvokeResponse.SerializeToString,
        )

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the application's handler for OnInvoke, the App's for everything else."""
        if handler_call_details.method == ON_INVOKE:
            return self._handler
        return continuation(handler_call_details)

    def _on_invoke(
        self, parsed: list[common_v1.InvokeRequest | DecodeError], context: grpc.ServicerContext
    ) -> common_v1.InvokeResponse:
        reply = self._application.invoke(
            _read_call(parsed.pop(), context), on_caller_gone=context.add_callback
        )
        headers = _add_nosniff(reply)
        if headers:
            context.send_initial_metadata(tuple(headers.items()))
        return common_v1.InvokeResponse(
            data=any_pb2.Any(value=reply.body), content_type=reply.content_type
        )


def _add_nosniff(reply: Reply) -> Mapping[str, str]:
    """Return the headers of a reply, and what keeps browsers from guessing at what they show."""
    if reply.content_type.startswith(_RENDERED):
        return {_NOSNIFF: "nosniff", **reply.headers}
    return reply.headers


def _parse(body: bytes) -> list[common_v1.InvokeRequest | DecodeError]:
    """Return the message, in what it is taken out of: else its bytes are there twice all the time.

    The library and the interceptors hold what they pass on until the call is answered. What is no
    message is an error in its place, since gRPC would make INTERNAL of one that is raised, and a
    line of the log.
    """
    try:
        return [common_v1.InvokeRequest.FromString(body)]
    except DecodeError as error:
        return [error]


def _read_call(
    message: common_v1.InvokeRequest | DecodeError, context: grpc.ServicerContext
) -> Invocation:
    if isinstance(message, DecodeError):
        raise InvalidRequest(
            "the message must be an InvokeRequest of Dapr",
            got="other bytes",
            remedy="call by a library that has Dapr's .proto files",
        ) from message
    # gRPC callers may append the query to the method, as in a URL.
    path, _, query_behind = message.method.partition("?")
    extension = message.http_extension
    return Invocation(
        path=path,
        verb=common_v1.HTTPExtension.Verb.Name(extension.verb),
        query="&".join(filter(None, (extension.querystring, query_behind))),
        content_type=message.content_type,
        body=message.data.value,
        headers={
            key.removeprefix(_FORWARDED): value
            for key, value in context.invocation_metadata()
            if isinstance(value, str)
        },
        remaining=context.time_remaining(),
        caller=read_caller(context.invocation_metadata()),
    )
