"""Result events: what the service has answered, as CloudEvents on a topic.

The event says which input was seen by its digest and size, never the input itself.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from dapr.proto import api_v1
from meshlens.daprkit.errors import EventNotConfirmed
from meshlens.daprkit.sidecar.channel import Sidecar
from opentelemetry import propagate

RESULT_TYPE = "meshlens.result.v1"


@dataclass(frozen=True, slots=True)
class Success:
    """The request was answered with a result.

    Attributes:
        model: what answered, empty if the method has no model.
        version: the version of `model`.
        result: facts of the result, JSON values only.
    """

    model: str
    version: str
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The request was answered with an error.

    Attributes:
        code: name of the status code.
        message: what the caller was told.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and what came of it.

    Attributes:
        method: path template of the method.
        body: what was sent.
        outcome: what was answered.
        elapsed: seconds between request and outcome.
        cause: id of the event that asked, empty if a caller did.
    """

    method: str
    body: bytes
    outcome: Success | Failure
    elapsed: float
    cause: str = ""


class Events(Protocol):
    """Where outcomes go."""

    def publish(self, answered: Answered) -> None:
        """Publish the outcome of one request, as far as the mode promises."""


class NoEvents:
    """EVENTS=off: nothing is published."""

    def publish(self, answered: Answered) -> None:
        """Do nothing."""


class ConfirmedEvents:
    """EVENTS=confirmed: `publish` returns after the broker has accepted the event.

    Args:
        sidecar: the app's own sidecar.
        service: name of this service, the source of its events.
        pubsub: name of the pub/sub component.
        topic: topic of the events.
        timeout: seconds the broker has to accept an event.
    """

    def __init__(
        self, sidecar: Sidecar, *, service: str, pubsub: str, topic: str, timeout: float
    ) -> None:
        self._sidecar = sidecar
        self._service = service
        self._pubsub = pubsub
        self._topic = topic
        self._timeout = timeout

    def publish(self, answered: Answered) -> None:
        """Publish the outcome and wait until the broker has accepted it.

        Raises:
            EventNotConfirmed: it has not, so the caller must not get the result.
        """
        identity = str(uuid.uuid4())
        trace: dict[str, str] = {}
        propagate.inject(trace)
        request = api_v1.PublishEventRequest(
            pubsub_name=self._pubsub,
            topic=self._topic,
            data=_encode(identity, self._service, answered),
            data_content_type="application/json",
            metadata={
                "cloudevent.id": identity,
                "cloudevent.source": self._service,
                "cloudevent.type": RESULT_TYPE,
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
                got=f"{error.code().name}: {error.details()}",
                remedy="try again, or run the service with EVENTS=off to do without events",
            ) from error


def _encode(identity: str, service: str, answered: Answered) -> bytes:
    body = answered.body
    facts: dict[str, Any] = {
        "id": identity,
        "service": service,
        "method": answered.method,
        "input": {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)},
        "elapsed_seconds": round(answered.elapsed, 6),
    }
    if answered.cause:
        facts["cause"] = answered.cause
    match answered.outcome:
        case Success(model, version, result):
            facts |= {"outcome": "OK", "model": model, "version": version, "result": result}
        case Failure(code, message):
            facts |= {"outcome": code, "message": message}
    return json.dumps(facts).encode()
