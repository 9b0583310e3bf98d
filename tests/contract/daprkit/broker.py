"""A sidecar that does one thing: it takes events for a broker, which may be away."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from dapr.proto import api_service_v1, api_v1
from google.protobuf import empty_pb2

PUBSUB = "pubsub"


class Broker(api_service_v1.DaprServicer):
    """What it is told to do, and what it has done.

    Args:
        bulk: whether the component takes many events as one.
    """

    def __init__(self, *, bulk: bool = False) -> None:
        self._server = grpc.server(ThreadPoolExecutor(4))
        api_service_v1.add_DaprServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.down = False
        self.refused: set[str] = set()
        self.accepted: list[dict[str, Any]] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.tries = 0
        self.calls: list[int] = []
        self._bulk = bulk
        self._changed = threading.Condition()

    def start(self) -> None:
        """Take events."""
        self._server.start()

    def leave(self) -> None:
        """Listen no more, as a sidecar that has ended."""
        self._server.stop(None).wait()

    def PublishEvent(  # noqa: N802 - the name in Dapr's proto
        self, request: api_v1.PublishEventRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        assert request.data_content_type == "application/cloudevents+json"
        self.metadata.append(dict(context.invocation_metadata()))
        if self._take([request.data]):
            context.abort(grpc.StatusCode.INTERNAL, "the broker takes none")
        return empty_pb2.Empty()

    def BulkPublishEvent(  # noqa: N802 - likewise
        self, request: api_v1.BulkPublishRequest, context: grpc.ServicerContext
    ) -> api_v1.BulkPublishResponse:
        failed = self._take([entry.event for entry in request.entries])
        if self.down:
            context.abort(grpc.StatusCode.INTERNAL, "the broker takes none")
        names = [request.entries[place].entry_id for place in failed]
        entries = [api_v1.BulkPublishResponseFailedEntry(entry_id=it, error="no") for it in names]
        return api_v1.BulkPublishResponse(failedEntries=entries)

    def GetMetadata(  # noqa: N802 - likewise
        self,
        request: api_v1.GetMetadataRequest,  # noqa: ARG002 - gRPC passes it
        context: grpc.ServicerContext,  # noqa: ARG002 - likewise
    ) -> api_v1.GetMetadataResponse:
        capabilities = ["BULK_PUBSUB"] if self._bulk else []
        component = api_v1.RegisteredComponents(name=PUBSUB, capabilities=capabilities)
        return api_v1.GetMetadataResponse(registered_components=[component])

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What a consumer sees of the events, which drops what it has seen, by its id."""
        seen: dict[str, dict[str, Any]] = {}
        for event in tuple(self.accepted):
            seen.setdefault(event["id"], event)
        return list(seen.values())

    @property
    def bodies(self) -> list[int]:
        """The sizes of the inputs whose events it sees, in their order."""
        return [event["data"]["input"]["size"] for event in self.seen]

    def await_that(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so, looked at again after each call."""
        with self._changed:
            assert self._changed.wait_for(condition, 60)

    def _take(self, bodies: list[bytes]) -> list[int]:
        """Accept events; return the places of those that are not."""
        failed = []
        with self._changed:
            self.tries += 1
            self.calls.append(len(bodies))
            for place, body in enumerate(bodies):
                event = json.loads(body)
                if self.down or event["subject"] in self.refused:
                    failed.append(place)
                else:
                    self.accepted.append(event)
            self._changed.notify_all()
        return failed


@contextmanager
def serving_broker(*, bulk: bool = False) -> Iterator[Broker]:
    """Take events at a port."""
    taken = Broker(bulk=bulk)
    taken.start()
    try:
        yield taken
    finally:
        taken.leave()


@contextmanager
def broker() -> Iterator[int]:
    """Accept events at a port."""
    with serving_broker() as taken:
        yield taken.port
