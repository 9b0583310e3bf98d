"""Outcomes of requests, and where they go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


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

    Attributes:
        code: name of the status code.
        message: the message that the caller got.
    """

    code: str
    message: str


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
