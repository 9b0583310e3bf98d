"""Result events as CloudEvents on a topic, by the app's own sidecar."""

import uuid
from collections.abc import Callable

import grpc
from dapr.proto import api_v1
from opentelemetry import propagate

from meshlens.daprkit.application.events import Answered
from meshlens.daprkit.application.result_event import encode_event, make_event
from meshlens.daprkit.errors import EventNotConfirmed
from meshlens.daprkit.sidecar.channel import Sidecar


class ConfirmedEvents:
    """EVENTS=confirmed: `publish` returns after the broker has accepted the event.

    Args:
        sidecar: the app's own sidecar.
        service: name of this service, the source of its events.
        event_type: their CloudEvents type.
        pubsub: name of the pub/sub component.
        topic: topic of the events.
        timeout: seconds the broker has to accept an event.
        on_published: if given, called with each event that the broker has accepted, as JSON.
    """

    def __init__(
        self,
        sidecar: Sidecar,
        *,
        service: str,
        event_type: str,
        pubsub: str,
        topic: str,
        timeout: float,
        on_published: Callable[[bytes], None] | None = None,
    ) -> None:
        self._sidecar = sidecar
        self._service = service
        self._type = event_type
        self._pubsub = pubsub
        self._topic = topic
        self._timeout = timeout
        self._on_published = on_published

    def publish(self, answered: Answered) -> None:
        """Publish the outcome and wait until the broker has accepted it.

        Raises:
            EventNotConfirmed: it has not accepted it, so the caller must not get the result.
        """
        identity = str(uuid.uuid4())
        data = encode_event(make_event(identity, self._service, answered))
        trace: dict[str, str] = {}
        propagate.inject(trace)
        request = api_v1.PublishEventRequest(
            pubsub_name=self._pubsub,
            topic=self._topic,
            data=data,
            data_content_type="application/json",
            metadata={
                "cloudevent.id": identity,
                "cloudevent.source": self._service,
                "cloudevent.type": self._type,
                "cloudevent.subject": answered.method,
                **{f"cloudevent.{name}": value for name, value in trace.items()},
            },
        )
        try:
            self._sidecar.stub.PublishEvent(
                request,
                timeout=self._timeout,
                metadata=(*self._sidecar.metadata, *trace.items()),
                wait_for_ready=True,
            )
        except grpc.RpcError as error:
            raise EventNotConfirmed(
                f"pub/sub {self._pubsub!r} must accept the event of a result within"
                f" {self._timeout:g} s",
                got=self._sidecar.describe(error),
                remedy="try again, or run the service with EVENTS=off to do without events",
            ) from error
        if self._on_published:
            self._on_published(data)
