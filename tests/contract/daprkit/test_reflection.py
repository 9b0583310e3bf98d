"""grpc.reflection lists and describes the services on the server, as grpcurl asks it to."""

import threading
from collections.abc import Iterator

import grpc
import pytest
from contract.daprkit.toy import serving
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from meshlens.daprkit.application.lanes import WATCH_SLOTS
from meshlens.protocols.wire.pool import find_services

ALWAYS = {
    "dapr.proto.runtime.v1.AppCallback",
    "dapr.proto.runtime.v1.AppCallbackAlpha",
    "dapr.proto.runtime.v1.AppCallbackHealthCheck",
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
}
LIST = reflection_pb2.ServerReflectionRequest(list_services="")


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    with (
        serving(described=find_services()) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


def ask(
    channel: grpc.Channel, *requests: reflection_pb2.ServerReflectionRequest
) -> list[reflection_pb2.ServerReflectionResponse]:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    return list(stub.ServerReflectionInfo(iter(requests)))


def test_every_service_is_listed(channel: grpc.Channel) -> None:
    (answer,) = ask(channel, LIST)
    names = {service.name for service in answer.list_services_response.service}
    assert names == ALWAYS | {service.full_name for service in find_services()}
    assert "inference.GRPCInferenceService" in names


def test_each_service_is_described_by_files_that_need_no_others(channel: grpc.Channel) -> None:
    for service in find_services():
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service.full_name)
        (answer,) = ask(channel, request)
        pool, files = DescriptorPool(), answer.file_descriptor_response.file_descriptor_proto
        # The one that was asked for comes first, what it needs after it.
        for file in reversed(files):
            pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file))
        described = pool.FindServiceByName(service.full_name)
        assert list(described.methods_by_name) == list(service.methods_by_name)


def test_an_unknown_name_is_not_found_and_the_stream_goes_on(channel: grpc.Channel) -> None:
    unknown = reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such.Service")
    first, second = ask(channel, unknown, LIST)
    assert first.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert second.list_services_response.service


def test_open_streams_take_no_more_threads_than_there_are_for_them(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    done = threading.Event()

    def stay() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield LIST
        done.wait()

    streams = [stub.ServerReflectionInfo(stay()) for _ in range(WATCH_SLOTS)]
    try:
        for stream in streams:
            assert next(stream).list_services_response.service
        with pytest.raises(grpc.RpcError) as refused:
            ask(channel, LIST)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        done.set()
    for stream in streams:
        assert not list(stream)
