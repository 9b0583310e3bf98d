"""grpc.reflection: the services on the server, as grpcurl and others list and describe them."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from dapr.proto.runtime.v1 import appcallback_pb2
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from meshlens.daprkit.application.streams import Streams

# What every server of daprkit has.
_ALWAYS: tuple[ServiceDescriptor, ...] = (
    appcallback_pb2.DESCRIPTOR.services_by_name["AppCallback"],
    appcallback_pb2.DESCRIPTOR.services_by_name["AppCallbackAlpha"],
    appcallback_pb2.DESCRIPTOR.services_by_name["AppCallbackHealthCheck"],
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
)


def serve_reflection(
    server: grpc.Server, services: Sequence[ServiceDescriptor], streams: Streams
) -> None:
    """Describe the services to whoever may call them.

    Args:
        server: has them.
        services: those that a service added itself, of whichever pools.
        streams: those that are open; each holds a thread.
    """
    every = (*_ALWAYS, *services)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        _Reflection([each.full_name for each in every], _pool(every), streams), server
    )


class _Reflection(reflection.ReflectionServicer):  # type: ignore[misc] # the library has no types
    """The library's servicer, with a bounded number of streams, which end when the service does."""

    def __init__(self, names: Sequence[str], pool: DescriptorPool, streams: Streams) -> None:
        super().__init__(names, pool=pool)
        self._streams = streams

    def ServerReflectionInfo(  # noqa: N802 - the library's name
        self, request_iterator: Iterator[Any], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        """Answer each request of a stream."""
        with self._streams.open(context.cancel):
            yield from super().ServerReflectionInfo(request_iterator, context)


def _pool(services: Sequence[ServiceDescriptor]) -> DescriptorPool:
    """Return one pool with all of the services' files; of files of one name the first counts."""
    pool, added = DescriptorPool(), set[str]()

    def add(file: FileDescriptor) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        pool.AddSerializedFile(file.serialized_pb)

    for service in services:
        add(service.file)
    return pool
