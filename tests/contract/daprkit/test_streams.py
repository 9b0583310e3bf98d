"""Streams pass the same interceptors as calls: errors, token, trace."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from contract.daprkit.toy import TOKEN, Refused, serving
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status  # type: ignore[import-untyped] # it ships no types
from opentelemetry import trace

from meshlens.daprkit.application.application import Application

TRACE = "0af7651916cd43dd8448eb211c80319c"
PATIENCE = 10


def add_echo(_: Application, server: grpc.Server) -> None:
    """Three calls: one answers each message, one a single message, one all of them at once."""

    def echo(message: bytes) -> bytes:
        if message == b"no":
            raise Refused("expected a yes", got="a no", remedy="ask again")
        if message == b"trace":
            return f"{trace.get_current_span().get_span_context().trace_id:x}".zfill(32).encode()
        return message

    def each(messages: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for message in messages:
            yield echo(message)

    def twice(message: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (echo(message), echo(message))

    def last(messages: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
        return [echo(message) for message in messages][-1]

    handlers: dict[str, Any] = {
        "Each": grpc.stream_stream_rpc_method_handler(each),
        "Twice": grpc.unary_stream_rpc_method_handler(twice),
        "Last": grpc.stream_unary_rpc_method_handler(last),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("toy.Echo", handlers)])


def status_of(fault: Any) -> status_pb2.Status:  # noqa: ANN401 - grpc's
    """Return what the trailers say, which a library checks against the status."""
    rich = rpc_status.from_call(fault)
    assert isinstance(rich, status_pb2.Status)
    return rich


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    with (
        serving(services=[add_echo]) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


def call(channel: Any, name: str, *messages: bytes, **options: Any) -> list[bytes]:  # noqa: ANN401 - grpc's
    path = f"/toy.Echo/{name}"
    match name:
        case "Each":
            return list(channel.stream_stream(path)(iter(messages), **options))
        case "Twice":
            return list(channel.unary_stream(path)(messages[0], **options))
        case _:
            return [channel.stream_unary(path)(iter(messages), **options)]


@pytest.mark.parametrize("name", ["Each", "Twice", "Last"])
def test_an_error_ends_a_stream_with_its_status_text_and_details(
    channel: grpc.Channel, name: str
) -> None:
    assert call(channel, name, b"yes")[-1] == b"yes"
    with pytest.raises(grpc.RpcError) as fault:
        call(channel, name, b"no")
    assert fault.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert fault.value.details() == "expected a yes, got a no; ask again"
    assert status_of(fault.value).code == grpc.StatusCode.FAILED_PRECONDITION.value[0]


@pytest.mark.parametrize("name", ["Each", "Twice", "Last"])
def test_a_stream_is_in_the_trace_of_its_caller(channel: grpc.Channel, name: str) -> None:
    metadata = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
    assert call(channel, name, b"trace", metadata=metadata)[-1] == TRACE.encode()
    assert call(channel, name, b"trace")[-1] == b"0" * 32


@pytest.mark.parametrize("name", ["Each", "Twice", "Last"])
def test_a_stream_without_the_token_is_refused(name: str) -> None:
    with (
        serving(services=[add_echo], app_api_token=TOKEN) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.RpcError) as fault:
            call(channel, name, b"yes")
        assert fault.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert call(channel, name, b"yes", metadata=(("dapr-api-token", TOKEN),))[-1] == b"yes"


def test_health_is_still_watched(channel: grpc.Channel) -> None:
    watch: Any = health_pb2_grpc.HealthStub(channel).Watch(
        health_pb2.HealthCheckRequest(), timeout=PATIENCE
    )
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
