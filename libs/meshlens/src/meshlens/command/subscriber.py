"""A subscriber at a sidecar, as any app is one, that keeps what arrives.

It calls the sidecar by the generated stub: the SDK's own subscription sometimes ends its side of
the stream before it is used.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, Self

import grpc
from dapr.proto import api_service_v1, api_v1, appcallback_v1

PATIENCE = 30.0


@dataclass(frozen=True)
class Event:
    """One CloudEvent."""

    id: str
    source: str
    type: str
    extensions: Mapping[str, Any]
    content: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The content as a JSON object."""
        facts: dict[str, Any] = json.loads(self.content)
        return facts


class Subscriber:
    """Subscribes to a topic by a stream and acknowledges every event.

    Args:
        port: gRPC port of a sidecar.
        api_token: the dapr-api-token that the sidecar expects, if any.
        pubsub: name of the pub/sub component.
        topic: name of the topic.
    """

    def __init__(
        self,
        port: int,
        *,
        api_token: str = "",
        pubsub: str = "pubsub",
        topic: str = "results",
    ) -> None:
        self._metadata = (("dapr-api-token", api_token),) if api_token else ()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._pubsub = pubsub
        self._topic = topic
        self._requests: Queue[api_v1.SubscribeTopicEventsRequestAlpha1 | None] = Queue()
        self._events: Queue[Event] = Queue()
        self._subscribed = threading.Event()
        self._leaving = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        """Subscribe.

        Raises:
            TimeoutError: the sidecar has not confirmed it in time.
        """
        self._requests.put(
            api_v1.SubscribeTopicEventsRequestAlpha1(
                initial_request=api_v1.SubscribeTopicEventsRequestInitialAlpha1(
                    pubsub_name=self._pubsub, topic=self._topic
                )
            )
        )
        self._reader.start()
        if not self._subscribed.wait(PATIENCE):
            raise TimeoutError(f"the sidecar has not confirmed a subscription to {self._topic}")
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._requests.put(None)
        self._channel.close()
        self._reader.join(PATIENCE)

    def next(self, wanted: Callable[[Event], bool] = lambda _: True) -> Event:
        """Return the next event that is `wanted`; others that come before it are dropped.

        Raises:
            TimeoutError: none came in time.
        """
        while True:
            try:
                event = self._events.get(timeout=PATIENCE)
            except Empty:
                raise TimeoutError(f"no event on {self._topic} within {PATIENCE:g} s") from None
            if wanted(event):
                return event

    def _sent(self) -> Iterator[api_v1.SubscribeTopicEventsRequestAlpha1]:
        yield from iter(self._requests.get, None)

    def _read(self) -> None:
        try:
            for message in api_service_v1.DaprStub(self._channel).SubscribeTopicEventsAlpha1(
                self._sent(), metadata=self._metadata
            ):
                if message.HasField("event_message"):
                    self._take(message.event_message)
                else:
                    self._subscribed.set()
        except grpc.RpcError:
            # Who leaves ends the stream, or closes the channel before the sidecar has said so.
            if not self._leaving.is_set():
                raise

    def _take(self, message: appcallback_v1.TopicEventRequest) -> None:
        self._events.put(
            Event(
                id=message.id,
                source=message.source,
                type=message.type,
                extensions=dict(message.extensions.items()),
                content=message.data,
            )
        )
        self._requests.put(
            api_v1.SubscribeTopicEventsRequestAlpha1(
                event_processed=api_v1.SubscribeTopicEventsRequestProcessedAlpha1(
                    id=message.id,
                    status=appcallback_v1.TopicEventResponse(
                        status=appcallback_v1.TopicEventResponse.SUCCESS
                    ),
                )
            )
        )
