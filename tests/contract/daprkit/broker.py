"""A sidecar that does one thing: it accepts every event."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from dapr.proto import api_service_v1, api_v1
from google.protobuf import empty_pb2


class _Broker(api_service_v1.DaprServicer):
    def PublishEvent(  # noqa: N802 - the name in Dapr's proto
        self,
        request: api_v1.PublishEventRequest,  # noqa: ARG002 - gRPC passes it
        context: grpc.ServicerContext,  # noqa: ARG002 - likewise
    ) -> empty_pb2.Empty:
        return empty_pb2.Empty()


@contextmanager
def broker() -> Iterator[int]:
    """Accept events at a port."""
    server = grpc.server(ThreadPoolExecutor(2))
    api_service_v1.add_DaprServicer_to_server(_Broker(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
