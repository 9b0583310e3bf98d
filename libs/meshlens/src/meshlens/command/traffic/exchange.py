"""A request as it went to a server, and the answer that came."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[str, str]]


class Door(StrEnum):
    """What a request went through."""

    HTTP = "http"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        door: HTTP or gRPC.
        method: GET or POST; by gRPC always POST.
        path: as sent, with its query; by gRPC `/<service>/<method>`.
        headers: those that matter to a server, in their order; by gRPC the metadata.
        bodies: one body; by gRPC one for each message of the stream.
    """

    door: Door
    method: str
    path: str
    headers: Headers
    bodies: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Attributes:
        status: of HTTP, as "404", or the name of gRPC's, as "NOT_FOUND"; empty if none came.
        text: gRPC's text of an error, or why no answer came.
        headers: of the answer.
        bodies: as in a request.
    """

    status: str
    text: str = ""
    headers: Headers = ()
    bodies: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the recorded answer if it is known.

    Attributes:
        line: of the recording, counted from 1.
        request: what was sent.
        answer: what came.
    """

    line: int
    request: Request
    answer: Answer | None
