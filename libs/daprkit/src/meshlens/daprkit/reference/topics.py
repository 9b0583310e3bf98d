"""The AsyncAPI document of a service: the topics that it publishes to, and those it receives."""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from meshlens.daprkit.application.operation import FileForm, Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.reference.about import About, Announcement
from meshlens.daprkit.reference.event import CLOUD_EVENT, CloudEvent
from meshlens.daprkit.reference.options import describe_options
from meshlens.daprkit.reference.schemas import ANSWER, REQUEST, Schema, Schemas
from meshlens.daprkit.transports.topics import Subscription

RESULTS = "results"
# Addresses of bodies, and what curl says of any body.
_OF_CALLERS = ("text/uri-list", "application/x-www-form-urlencoded")
_OPAQUE = (bytes, str, object)


def build_topics(
    about: About,
    routes: Sequence[Route],
    subscriptions: Sequence[Subscription],
    announcements: Sequence[Announcement] = (),
) -> Schema:
    """Return the AsyncAPI 3.0 document of a service.

    Args:
        about: the service.
        routes: all of them; what they result in is in the events.
        subscriptions: the topics whose events the service answers.
        announcements: the events that it publishes about itself.
    """
    types: list[tuple[Any, Any]] = [(CloudEvent, ANSWER)]
    types += [(operation.result, ANSWER) for _, operation in _list_results(routes)]
    types += [
        (type_, REQUEST)
        for subscription in subscriptions
        for _, type_ in _list_bodies(subscription)
        if type_ not in _OPAQUE
    ]
    types += [(each.data, ANSWER) for each in announcements]
    schemas = Schemas(types)
    results = {
        route.path: schemas.find(operation.result, ANSWER)
        for route, operation in _list_results(routes)
    }
    messages = {"result": _describe_result(schemas.find(CloudEvent, ANSWER), results)}
    channels = {RESULTS: _RESULTS}
    operations = {"publish_results": _operate("send", RESULTS, ["result"], _PUBLISH)}
    for each in subscriptions:
        received = _describe_requests(each, schemas)
        messages |= received
        for topic, text in (
            (each.topic, "Requests as events, whose results are events."),
            (each.dead_letter, f"What came by {each.topic} and could not be answered."),
        ):
            channels[topic] = {"address": topic, "description": text, "messages": _refer(received)}
        operations |= {
            f"receive_{_name(each.topic)}": _operate("receive", each.topic, received, _RECEIVE),
            f"send_{_name(each.dead_letter)}": _operate("send", each.dead_letter, received, _DEAD),
        }
    for announced in announcements:
        messages[announced.name] = _describe_announcement(announced, schemas)
        channels[announced.topic] = {
            "address": announced.topic,
            "description": f"The setting {announced.setting} names another topic.",
            "messages": _refer([announced.name]),
        }
        operations[f"publish_{announced.name}"] = _operate(
            "send", announced.topic, [announced.name], announced.summary
        )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": about.title,
            "version": version(about.distribution),
            "description": about.summary,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CLOUD_EVENT,
        "servers": {"sidecar": _SERVER},
        "channels": {
            topic: {**channel, "servers": [{"$ref": "#/servers/sidecar"}]}
            for topic, channel in channels.items()
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": dict(schemas.definitions)},
    }


def _list_results(routes: Sequence[Route]) -> Iterator[tuple[Route, Operation]]:
    for route in routes:
        for operation in route.operations:
            if operation.result is not None:
                yield route, operation


def _list_bodies(subscription: Subscription) -> Iterator[tuple[str, Any]]:
    """Yield the media types that an event may have: not those that only callers send."""
    for media_type, type_ in subscription.operation.accepts.items():
        if not isinstance(type_, FileForm) and media_type not in _OF_CALLERS:
            yield media_type, type_


def _describe_result(envelope: Schema, results: Schema) -> Schema:
    return {
        "name": "result",
        "title": "Result event",
        "summary": "What became of a request that the service has worked on.",
        "description": "`id` is the same as `data.id`: consumers that have seen it drop the event."
        " `traceparent` is that of the request, `subject` its method.",
        "contentType": CLOUD_EVENT,
        "payload": envelope,
        "x-result-by-method": results,
    }


def _describe_announcement(announced: Announcement, schemas: Schemas) -> Schema:
    return {
        "name": announced.name,
        "title": announced.event_type,
        "summary": announced.summary,
        "description": "A CloudEvent of that type; the payload is its `data`. One that the broker"
        " does not accept is lost.",
        "contentType": CLOUD_EVENT,
        "payload": schemas.find(announced.data, ANSWER),
    }


def _describe_requests(subscription: Subscription, schemas: Schemas) -> Schema:
    """Return a message for each media type that the events of a topic may have."""
    operation = subscription.operation
    options = describe_options(operation.options) if operation.options else []
    headers = {
        option["name"]: {
            **{key: option[key] for key in ("description",) if key in option},
            **option["schema"],
        }
        for option in options
        if option["name"] in subscription.options
    }
    return {
        f"{subscription.topic}_{_name(media_type)}": {
            "name": f"{subscription.topic}_{_name(media_type)}",
            "title": f"{subscription.topic}: {media_type}",
            "summary": operation.summary,
            "description": f"The data of the CloudEvent: {operation.body}. Options are metadata of"
            " the publication.",
            "contentType": media_type,
            "headers": {"type": "object", "properties": headers},
            "payload": {} if type_ in _OPAQUE else schemas.find(type_, REQUEST),
        }
        for media_type, type_ in _list_bodies(subscription)
    }


def _operate(action: str, topic: str, messages: Sequence[str] | Schema, summary: str) -> Schema:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in messages],
    }


def _refer(messages: Sequence[str] | Schema) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


def _name(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")


_SERVER: Schema = {
    "host": "localhost:3500",
    "protocol": "http",
    "description": "Any sidecar of the mesh, and its pub/sub component `pubsub` (the setting"
    " PUBSUB): publish by `/v1.0/publish/pubsub/<topic>`, or subscribe an app.",
}
_RESULTS: Schema = {
    "address": RESULTS,
    "description": "The setting RESULTS_TOPIC names another topic.",
    "messages": _refer(["result"]),
}
_PUBLISH = "One event for each request that was admitted to the queue of work."
_RECEIVE = (
    "The event is a request, and its result is an event of `results`, whose `cause` is its id."
)
_DEAD = "The sidecar sends events here that the service has refused."
