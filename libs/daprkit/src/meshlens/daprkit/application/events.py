"""Outcomes of requests, and where they go."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from meshlens.daprkit.messages import Provenance
from meshlens.faults import Fault

# As many as callers get.
_MOST_PLACES = 5


def make_identity() -> str:
    """Return the id of an event that no other has."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Success:
    """The request was answered with a result.

    Attributes:
        model: what answered; empty if the method has no model.
        version: the version of `model`.
        result: facts of the result, JSON values only.
        provenance: of what answered; None if the method has no model.
    """

    model: str
    version: str
    result: Mapping[str, Any] | None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The request was answered with an error.

    What the caller was told is not here: it quotes the request, and events never do.

    Attributes:
        code: name of the status code.
        reason: the kind of fault, such as INVALID_TABLE; empty for what is no Fault.
        places: where it is in the request, numbers by their name: row, column and the like.
    """

    code: str
    reason: str = ""
    places: tuple[Mapping[str, int], ...] = ()

    @classmethod
    def of(cls, code: str, error: Exception) -> Self:
        """Return the failure that answers a request with this code, because of this error."""
        if not isinstance(error, Fault):
            return cls(code)
        numbered = (place.numbers() for place in error.places[:_MOST_PLACES])
        return cls(code, error.reason, tuple(filter(None, numbered)))


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and its outcome.

    Attributes:
        method: path template of the method, or the topic.
        body: the bytes that were sent.
        outcome: the result or the error.
        elapsed: seconds between request and outcome.
        cause: id of the event that was the request; empty if a caller sent it.
        digest: SHA-256 of the body in hexadecimal; empty if it is not known yet.
        identity: id of the event that says so.
    """

    method: str
    body: bytes
    outcome: Success | Failure
    elapsed: float
    cause: str = ""
    digest: str = ""
    identity: str = field(default_factory=make_identity)


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """A result event, ready to be published.

    Attributes:
        identity: its id, the same however often it is published.
        body: the whole CloudEvent as JSON.
        trace: headers of the trace that it belongs to.
    """

    identity: str
    body: bytes
    trace: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> bytes:
        """Return its data alone, as JSON."""
        return json.dumps(json.loads(self.body)["data"]).encode()


class Events(Protocol):
    """Where outcomes are published."""

    def admit(self) -> None:
        """Let a request pass whose outcome can be published, as far as that is known before.

        Raises:
            EventNotRecorded: it cannot be.
        """

    def publish(self, answered: Answered) -> None:
        """Publish the outcome of one request, with the guarantee of the mode.

        Raises:
            EventNotRecorded: it is not given.
        """

    def drain(self) -> None:
        """Learn that the service is about to stop, and its sidecar with it."""


class NoEvents:
    """Nothing is published: EVENTS=off, and lanes without events."""

    def admit(self) -> None:
        """Let every request pass."""

    def publish(self, answered: Answered) -> None:
        """Do nothing."""

    def drain(self) -> None:
        """Do nothing."""
