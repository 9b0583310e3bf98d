"""The result event: what a service publishes about each request it has worked on.

The event identifies the input by its digest and size, and never contains any of it: of a failure it
has the kind and the place, but not the message, which quotes the input.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.messages import Provenance, SignatureState

FailureCode: TypeAlias = Literal[
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]
PlaceName: TypeAlias = Literal["row", "column", "value", "image", "byte"]


class Input(BaseModel):
    """Which input it was; the input itself is never published."""

    model_config = ConfigDict(frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Digest of the request's body.")
    size: int = Field(ge=0, description="Bytes of the request's body.")


class ModelProvenance(BaseModel):
    """Which bytes have answered, and who vouches for them."""

    model_config = ConfigDict(frozen=True)

    sha256: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="Digest of the model as it was loaded, whatever its files hold by now; of a"
        " stored fit, its id.",
    )
    signature: SignatureState = Field(
        description="verified: it has a signature that holds for a key of the operator's;"
        " unverified: it has none, and was served with a warning; unchecked: the service does not"
        " look for signatures."
    )
    signer: str = Field(
        default="",
        description="sha256 of the public key, in PEM, that its signature holds for; absent unless"
        " verified.",
    )


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str = Field(
        description="Identifies the event, and is the id of its CloudEvent. A consumer that has"
        " seen it may drop the event."
    )
    service: str = Field(description="The app that answered, by its name in the mesh.")
    method: str = Field(
        description="Path template of the method, such as models/<name>/predict; for a request"
        " that came as an event, its topic."
    )
    input: Input
    elapsed_seconds: float = Field(
        ge=0, description="Seconds from the request to its outcome, waiting included."
    )
    cause: str = Field(
        default="", description="Id of the event that was the request; absent for calls."
    )


class ResultEvent(_Event):
    """The request was answered."""

    outcome: Literal["OK"] = Field(description="OK: the request was answered.")
    model: str = Field(description="The model that answered; empty if the method has none.")
    version: str = Field(description="The version of the model.")
    provenance: ModelProvenance | None = Field(
        default=None, description="Of the model; absent if the method has none."
    )
    result: Mapping[str, Any] | None = Field(
        description="Facts of the result, different for each method."
    )


class FailureEvent(_Event):
    """The request was answered with an error."""

    outcome: FailureCode = Field(description="Name of the gRPC status code.")
    message: str = Field(
        description="Reason, or else outcome, and the first place as text. It quotes nothing of"
        " the input, as the caller's message does."
    )
    reason: str = Field(
        default="",
        description="Kind of fault, such as INVALID_TABLE, as in the caller's details; absent for"
        " internal errors.",
    )
    places: tuple[Mapping[PlaceName, int], ...] = Field(
        default=(),
        description="Where the fault is in the input, as far as numbers say it; they count from 1."
        " Absent if unknown.",
    )


AnyEvent: TypeAlias = ResultEvent | FailureEvent


def make_event(identity: str, service: str, answered: Answered) -> AnyEvent:
    """Return the event of one request."""
    body = answered.body
    facts: dict[str, Any] = {
        "id": identity,
        "service": service,
        "method": answered.method,
        "input": Input(sha256=answered.digest or hashlib.sha256(body).hexdigest(), size=len(body)),
        "elapsed_seconds": round(answered.elapsed, 6),
    }
    if answered.cause:
        facts["cause"] = answered.cause
    match answered.outcome:
        case Success(model, version, result, provenance):
            facts |= {"outcome": "OK", "model": model, "version": version, "result": result}
            facts |= {"provenance": _write_provenance(provenance)} if provenance else {}
            return ResultEvent(**facts)
        case Failure(code, reason, places):
            facts |= {"reason": reason} if reason else {}
            facts |= {"places": places} if places else {}
            message = _summarize(reason or code, places)
            return FailureEvent(**facts, outcome=cast("FailureCode", code), message=message)


def _write_provenance(known: Provenance) -> ModelProvenance:
    if known.signer:
        return ModelProvenance(sha256=known.sha256, signature=known.signature, signer=known.signer)
    return ModelProvenance(sha256=known.sha256, signature=known.signature)


def _summarize(reason: str, places: Sequence[Mapping[str, int]]) -> str:
    if not places:
        return reason
    return f"{reason} at " + ", ".join(f"{name} {number}" for name, number in places[0].items())


def encode_event(event: AnyEvent) -> bytes:
    """Return the event as JSON, without the fields that do not apply."""
    return json.dumps(event.model_dump(exclude_unset=True)).encode()


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of the event."""
    schema = TypeAdapter(AnyEvent).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Result event",
        "description": "The data of the CloudEvent that a service publishes about a request.",
        **schema,
    }
