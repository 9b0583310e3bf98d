"""A topic of a pub/sub component, to which the app's own sidecar publishes."""

from collections.abc import Mapping, Sequence

import grpc
from dapr.proto import api_v1

from meshlens.daprkit.application.events import CloudEvent
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.telemetry.publications import Publications
from meshlens.daprkit.telemetry.traces import Spans

_WHOLE = "application/cloudevents+json"
# What a component's metadata say if it publishes many events as one.
_BULK = "BULK_PUBSUB"
# What a sidecar answers whose configuration allows only some of its API.
_CLOSED = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED)


class Topic:
    """Publishes to one topic.

    Args:
        sidecar: the app's own sidecar.
        pubsub: name of the pub/sub component.
        topic: name of the topic.
        timeout: seconds the broker has to accept what is sent at once.
        spans: creates a span for each try to publish; None to create none.

    Attributes:
        pubsub: the same.
        timeout: the same.
    """

    def __init__(
        self,
        sidecar: Sidecar,
        *,
        pubsub: str,
        topic: str,
        timeout: float,
        spans: Spans | None = None,
    ) -> None:
        self._tracing = Publications(spans, topic)
        self._sidecar = sidecar
        self.pubsub = pubsub
        self._topic = topic
        self.timeout = timeout
        self._takes_bulk: bool | None = None

    def publish(self, event: CloudEvent, *, wait: bool) -> None:
        """Publish an event and return when the broker has accepted it.

        Args:
            event: what to publish.
            wait: whether to wait for a sidecar that is not there.

        Raises:
            grpc.RpcError: it has not accepted it, or nobody knows.
        """
        with self._tracing.follow([event.trace]) as (trace,):
            self._sidecar.stub.PublishEvent(
                api_v1.PublishEventRequest(
                    pubsub_name=self.pubsub,
                    topic=self._topic,
                    data=event.body,
                    data_content_type=_WHOLE,
                ),
                timeout=self.timeout,
                metadata=(*self._sidecar.metadata, *trace.items()),
                wait_for_ready=wait,
            )

    def publish_all(self, events: Mapping[str, CloudEvent]) -> Mapping[str, str]:
        """Publish events by one call; return why the broker has refused some, by their names.

        Args:
            events: what to publish, in this order, by any names.

        Raises:
            grpc.RpcError: nobody knows which it has accepted.
        """
        with self._tracing.follow([event.trace for event in events.values()]):
            answer = self._sidecar.stub.BulkPublishEvent(
                api_v1.BulkPublishRequest(
                    pubsub_name=self.pubsub,
                    topic=self._topic,
                    entries=[
                        api_v1.BulkPublishRequestEntry(
                            entry_id=name, event=event.body, content_type=_WHOLE
                        )
                        for name, event in events.items()
                    ],
                ),
                timeout=self.timeout,
                metadata=self._sidecar.metadata,
            )
        return {entry.entry_id: entry.error for entry in answer.failedEntries}

    def takes_bulk(self) -> bool:
        """Whether the component itself publishes many events as one, in their order.

        For others the sidecar publishes them side by side, in any order, and one that fails fails
        all.

        Raises:
            grpc.RpcError: the sidecar cannot say now.
        """
        if self._takes_bulk is None:
            self._takes_bulk = _BULK in self._list_capabilities()
        return self._takes_bulk

    def _list_capabilities(self) -> Sequence[str]:
        try:
            metadata = self._sidecar.stub.GetMetadata(
                api_v1.GetMetadataRequest(), timeout=self.timeout, metadata=self._sidecar.metadata
            )
        except grpc.RpcError as error:
            if error.code() in _CLOSED:
                return ()
            raise
        components = metadata.registered_components
        return [
            name
            for component in components
            if component.name == self.pubsub
            for name in component.capabilities
        ]

    def has_sidecar(self) -> bool:
        """Return whether something listens at the sidecar's port."""
        return bool(self._sidecar.measure_up())

    def describe(self, error: grpc.RpcError) -> str:
        """Return why publishing failed, on one line."""
        return self._sidecar.describe(error)

    def explain(self, error: grpc.RpcError, *, remedy: str) -> tuple[str, str]:
        """Return why publishing failed, on one line, and what to do: `remedy` beside a sidecar."""
        return self._sidecar.explain(error, remedy=remedy)
