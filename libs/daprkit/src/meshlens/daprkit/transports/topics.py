"""Topics: an event is a request, and its result is an event again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from cloudevents.sdk.event import v1
from dapr.ext.grpc import App

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import UNSPECIFIED_VERB
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.parsing.media_types import parse_charset, parse_media_type

# The App adds this prefix to the metadata of an event.
_METADATA = "_metadata_"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which function answers the events of a topic.

    Attributes:
        topic: name of the topic.
        endpoint: answers a request whose body is the event's data, or raises what the status
            table lists. On UNAVAILABLE or RESOURCE_EXHAUSTED the sidecar delivers the event again,
            by its resiliency policy; after any other failure it is sent to `dead_letter` once.
        options: names in the event's metadata that become the query of the request.
        dead_letter: topic for events that cannot be answered.
        operation: what publishers must know: the method that does the same for callers.
    """

    topic: str
    endpoint: Callable[[Request], Reply]
    options: tuple[str, ...]
    dead_letter: str
    operation: Operation


def subscribe(
    app: App, application: Application, subscription: Subscription, *, pubsub: str
) -> None:
    """Let the application answer the events of a topic of the component `pubsub`."""
    handle = partial(_on_event, application, subscription)
    app.subscribe(pubsub, subscription.topic, dead_letter_topic=subscription.dead_letter)(handle)


def _on_event(application: Application, subscription: Subscription, event: v1.Event) -> None:
    application.answer(
        _read_event(subscription, event, application.time_limit),
        subscription.endpoint,
        method=subscription.topic,
        lane=Lane.WORK,
        protocol="topic",
        cause=event.EventID(),
        key=Key.of_event(event.Source(), event.EventID(), cast("bytes", event.Data())),
    )


def _read_event(subscription: Subscription, event: v1.Event, time_limit: float) -> Request:
    extensions = event.Extensions()
    return Request(
        method=subscription.topic,
        verb=UNSPECIFIED_VERB,
        query={
            name: str(extensions[f"{_METADATA}{name}"])
            for name in subscription.options
            if f"{_METADATA}{name}" in extensions
        },
        content_type=parse_media_type(event.ContentType()),
        charset=parse_charset(event.ContentType() or ""),
        body=cast("bytes", event.Data()),
        headers={},
        time_limit=time_limit,
    )
