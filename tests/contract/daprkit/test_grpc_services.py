"""gRPC services with messages of their own, on the same application."""

import grpc
import pytest
from contract.daprkit.toy import Gate, Refused, full_queue, serving

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.client import Client


class Number:
    """A message of a gRPC service of the toy's own."""

    model = "doubler"
    version = "1"
    time_limit = 10.0
    caller = ""
    provenance = None

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.value = int(body)

    @property
    def result(self) -> dict[str, int]:
        return {"value": self.value}

    @property
    def size(self) -> int:
        return len(self.body)


def double(number: Number) -> Number:
    if not number.value:
        raise Refused("expected a number above 0, got 0; send another")
    return Number(str(2 * number.value).encode())


def add_doubler(application: Application, server: grpc.Server) -> None:
    def answer(request: Number, context: grpc.ServicerContext) -> Number:
        return application.answer(
            request,
            double,
            method="Double",
            lane=Lane.WORK,
            on_caller_gone=context.add_callback,
            # In the flow of what fills the queue below, or one of its requests would give way.
            model="gate",
        )

    handler: grpc.RpcMethodHandler[Number, Number] = grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=Number, response_serializer=lambda number: number.body
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("toy.Numbers", {"Double": handler})]
    )


def test_a_grpc_service_of_its_own_messages_is_admitted_and_refused_as_methods_are(
    gate: Gate,
) -> None:
    with (
        serving(services=[add_doubler]) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        Client(f"127.0.0.1:{port}") as client,
    ):
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/toy.Numbers/Double"
        )
        assert call(b"21") == b"42"
        with pytest.raises(grpc.RpcError) as fault:
            call(b"0")
        assert fault.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert fault.value.details() == "expected a number above 0, got 0; send another"
        with full_queue(client, gate), pytest.raises(grpc.RpcError) as fault:
            call(b"21")
        assert fault.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
