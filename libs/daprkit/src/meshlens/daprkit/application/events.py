"""Outcomes of requests, and where they go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from meshlens.faults import Fault

# As many as callers get.
_MOST_PLACES = 5


@dataclass(frozen=True, slots=True)
class Success:
    """The request was answered with a result.

    Attributes:
        model: what answered; empty if the method has no model.
        version: the version of `model`.
        result: facts of the result, JSON values only.
    """

    model: str
    version: str
    result: Mapping[str, Any] | None


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
    """

    method: str
    body: bytes
    outcome: Success | Failure
    elapsed: float
    cause: str = ""


class Events(Protocol):
    """Where outcomes are published."""

    def publish(self, answered: Answered) -> None:
        """Publish the outcome of one request, with the guarantee of the mode."""


class NoEvents:
    """Nothing is published: EVENTS=off, and lanes without events."""

    def publish(self, answered: Answered) -> None:
        """Do nothing."""
