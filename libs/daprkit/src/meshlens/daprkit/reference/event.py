"""The result event as a webhook of OpenAPI: what subscribers of the topic receive."""

from typing import Literal

from pydantic import BaseModel, Field

from meshlens.daprkit.application.result_event import AnyEvent
from meshlens.daprkit.reference.schemas import Schema

CLOUD_EVENT = "application/cloudevents+json"


class CloudEvent(BaseModel):
    """A result event in the envelope in which Dapr delivers it."""

    specversion: Literal["1.0"] = Field(description="of CloudEvents")
    id: str = Field(description="the same as data.id; brokers may deliver an event again")
    source: str = Field(description="the app that answered")
    type: str = Field(description="changes with changes that break consumers")
    subject: str = Field(description="the method, the same as data.method")
    time: str = Field(description="when the sidecar published it")
    datacontenttype: Literal["application/json"] = Field(description="of data")
    topic: str = Field(description="that it came by")
    pubsubname: str = Field(description="the pub/sub component that it came by")
    traceparent: str = Field(default="", description="the trace of the request, if it had one")
    tracestate: str = Field(default="", description="likewise")
    data: AnyEvent = Field(description="the result event")


def describe_event(cloud_event: Schema) -> Schema:
    """Return the webhook whose body has this schema."""
    return {
        "results": {
            "post": {
                "operationId": "receive_result",
                "summary": "A result event, which each service publishes about each request it has"
                " worked on.",
                "description": "Subscribe an app of your own to the topic `results`; Dapr posts"
                " the events to the route of the subscription.",
                "requestBody": {
                    "required": True,
                    "content": {CLOUD_EVENT: {"schema": cloud_event}},
                },
                "responses": {"200": {"description": "The event is taken."}},
            }
        }
    }
