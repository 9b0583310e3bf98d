"""What a caller sees when a call fails: the client's own errors, over a real gRPC connection."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from meshlens.daprkit.client import (
    AppFailed,
    AppUnavailable,
    CallError,
    CallRejected,
    CallTimedOut,
    Client,
    NoSidecar,
)
from meshlens.daprkit.parsing.details import Details

Trailers = tuple[tuple[str, str | bytes], ...]


class Refusing(appcallback_service_v1.AppCallbackServicer):
    """An app, or a sidecar on the way to it, that answers no call."""

    def __init__(self, code: grpc.StatusCode, trailers: Trailers) -> None:
        self._code = code
        self._trailers = trailers

    def OnInvoke(  # noqa: N802 - the protocol's name
        self, _: common_v1.InvokeRequest, context: grpc.ServicerContext
    ) -> common_v1.InvokeResponse:
        context.set_trailing_metadata(self._trailers)
        context.abort(self._code, "expected a yes, got a no")


@contextmanager
def refusing(code: grpc.StatusCode, trailers: Trailers = ()) -> Iterator[Client]:
    server = grpc.server(ThreadPoolExecutor(1))
    appcallback_service_v1.add_AppCallbackServicer_to_server(Refusing(code, trailers), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(f"127.0.0.1:{port}") as client:
            yield client
    finally:
        server.stop(None).wait()


def pack(detail: error_details_pb2.RetryInfo | error_details_pb2.ErrorInfo) -> Trailers:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=8, message="", details=[packed])
    return (("grpc-status-details-bin", status.SerializeToString()),)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, CallRejected),
        (grpc.StatusCode.NOT_FOUND, CallRejected),
        (grpc.StatusCode.PERMISSION_DENIED, CallRejected),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, CallRejected),
        (grpc.StatusCode.UNAVAILABLE, AppUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, CallTimedOut),
        (grpc.StatusCode.INTERNAL, AppFailed),
        (grpc.StatusCode.UNKNOWN, AppFailed),
        (grpc.StatusCode.CANCELLED, AppFailed),
    ],
)
def test_each_code_is_an_error_that_says_whether_to_try_again(
    code: grpc.StatusCode, kind: type[CallError]
) -> None:
    with refusing(code) as client, pytest.raises(CallError) as fault:
        client.invoke("toy", "method")
    assert type(fault.value) is kind
    assert (fault.value.code, fault.value.message) == (code.name, "expected a yes, got a no")
    assert fault.value.retry_after is None
    assert str(fault.value) == f"{code.name}: expected a yes, got a no"
    assert isinstance(fault.value.__cause__, grpc.RpcError)


def test_a_delay_before_the_next_try_is_read_from_the_details() -> None:
    delay = duration_pb2.Duration(seconds=1, nanos=500_000_000)
    retry = error_details_pb2.RetryInfo(retry_delay=delay)
    with (
        refusing(grpc.StatusCode.RESOURCE_EXHAUSTED, pack(retry)) as client,
        pytest.raises(AppUnavailable) as fault,
    ):
        client.invoke("toy", "method")
    assert fault.value.retry_after == 1.5


def test_details_are_handed_on_as_data() -> None:
    sent = error_details_pb2.ErrorInfo(reason="TOO_DARK", domain="toy")
    with (
        refusing(grpc.StatusCode.INVALID_ARGUMENT, pack(sent)) as client,
        pytest.raises(CallRejected) as fault,
    ):
        client.invoke("toy", "method")
    assert fault.value.details == Details(reason="TOO_DARK", domain="toy")


def test_details_that_cannot_be_read_do_not_hide_the_fault() -> None:
    garbage = (("grpc-status-details-bin", b"\xff"),)
    with (
        refusing(grpc.StatusCode.NOT_FOUND, garbage) as client,
        pytest.raises(CallRejected) as fault,
    ):
        client.invoke("toy", "method")
    assert (fault.value.code, fault.value.details) == ("NOT_FOUND", Details())


def test_a_sidecar_that_is_not_there_is_unavailable() -> None:
    # Port 1 answers nobody.
    with Client("127.0.0.1:1") as client, pytest.raises(AppUnavailable) as fault:
        client.invoke("toy", "method")
    assert fault.value.code == "UNAVAILABLE"


def test_no_sidecar_at_all_is_an_error_of_its_own_that_names_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with Client(address) as client, pytest.raises(NoSidecar) as fault:
        client.invoke("toy", "method")
    assert isinstance(fault.value, AppUnavailable)
    assert str(fault.value) == (
        f"UNAVAILABLE: expected a sidecar at {address}, got no answer; start this program by"
        " `dapr run`, or give the gRPC port of its sidecar"
    )
    assert fault.value.retry_after is None
