"""What a method answers instead of a result: statuses, reasons, and the body that Dapr makes."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from meshlens.daprkit import errors
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import DAPRKIT, HTTP, Status, StatusTable
from meshlens.daprkit.reference.schemas import Schema
from meshlens.faults import Fault, name_reason

_ALWAYS = (
    errors.InvalidRequest,
    errors.WrongToken,
    errors.BodyTooLarge,
    errors.Busy,
    errors.Stopping,
)
_IN_LANE = {
    Lane.WORK: (
        errors.IdempotencyKeyReused,
        errors.TimeLimitExceeded,
        errors.EventNotConfirmed,
        errors.OutboxFull,
        errors.OutboxUnavailable,
    ),
    Lane.ADMIN: (errors.NotAdministrator,),
}


# What the protocols of other servers refuse by.
_FOREIGN = (
    Status.INVALID_ARGUMENT,
    Status.NOT_FOUND,
    Status.UNIMPLEMENTED,
    Status.UNAVAILABLE,
)


class ErrorInfo(BaseModel):
    """What the fault is."""

    type: Literal["type.googleapis.com/google.rpc.ErrorInfo"] = Field(
        alias="@type", description="which of the details this is"
    )
    reason: str = Field(description="kind of fault, such as INVALID_TABLE")
    domain: str = Field(description="the app that reports it")
    metadata: dict[str, str] = Field(
        description="expected, got, remedy, option, and what is known of the first place: row,"
        " column, value, image, byte (they count from 1), field, file"
    )


class FieldViolation(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="name of an option, or a place, such as row[3].column[2]")
    description: str = Field(description="the beginning of the message")


class BadRequest(BaseModel):
    """Where the request is wrong; with INVALID_ARGUMENT only."""

    type: Literal["type.googleapis.com/google.rpc.BadRequest"] = Field(
        alias="@type", description="which of the details this is"
    )
    field_violations: list[FieldViolation] = Field(
        alias="fieldViolations", description="the option first, then up to five places"
    )


class RetryInfo(BaseModel):
    """When to try again; with RESOURCE_EXHAUSTED if the queue is full."""

    type: Literal["type.googleapis.com/google.rpc.RetryInfo"] = Field(
        alias="@type", description="which of the details this is"
    )
    retry_delay: str = Field(alias="retryDelay", description="seconds, such as 0.250s")


Detail: TypeAlias = Annotated[ErrorInfo | BadRequest | RetryInfo, Field(discriminator="type")]


class Failure(BaseModel):
    """A failure as Dapr writes it for HTTP callers: a google.rpc.Status."""

    code: int = Field(description="number of the gRPC status code: 3 is INVALID_ARGUMENT")
    message: str = Field(description="what was expected, what was got, and what to do; for people")
    details: list[Detail] = Field(
        default=[], description="the same for programs; absent from internal errors"
    )


def describe_failures(
    faults: Iterable[type[Fault]], lane: Lane, statuses: StatusTable, *, foreign: bool
) -> Schema:
    """Return OpenAPI responses by HTTP status.

    Args:
        faults: what the endpoint raises itself.
        lane: of the route.
        statuses: of the service's own faults.
        foreign: whether the route is of the protocol of other servers, with their statuses too.
    """
    known = {**DAPRKIT, **statuses}
    reasons: dict[Status, list[str]] = defaultdict(list)
    for fault in (*faults, *_ALWAYS, *_IN_LANE.get(lane, ())):
        summary = (fault.__doc__ or "").partition("\n")[0]
        reasons[known[fault]].append(f"`{name_reason(fault)}`: {summary}")
    for status in _FOREIGN if foreign else ():
        reasons[status].append("The text is that of the servers whose protocol it is.")
    reasons[Status.INTERNAL].append("A bug; the service's log has its traceback.")
    by_http: dict[int, list[str]] = defaultdict(list)
    for status, lines in reasons.items():
        by_http[HTTP[status]].append(
            f"{status.name}\n\n" + "\n".join(f"- {line}" for line in lines)
        )
    return {
        str(http): {
            "description": "\n\n".join(parts),
            "content": _CONTENT_OF_FOREIGN if foreign else _CONTENT,
        }
        for http, parts in sorted(by_http.items())
    }


_FAILURE = {"$ref": "#/components/schemas/Failure"}
# Dapr sends this JSON as plain text; the service's own HTTP listener says that it is JSON.
_BY_DAPR = {
    "schema": {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": _FAILURE,
    }
}
_CONTENT: Schema = {"text/plain": _BY_DAPR, "application/json": {"schema": _FAILURE}}
# The listener alone can send what the protocol's clients expect.
_CONTENT_OF_FOREIGN: Schema = {
    "text/plain": _BY_DAPR,
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {"error": {"type": "string"}},
            "required": ["error"],
        }
    },
}
