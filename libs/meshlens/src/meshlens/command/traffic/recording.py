"""A recording: JSON Lines, one exchange a line; docs/leaving.md describes the fields."""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.exchange import Answer, Door, Exchange, Headers, Request

MIB = 1024 * 1024
_Path = Annotated[str, StringConstraints(pattern="^/")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    headers: list[tuple[str, str]] = []
    body: list[str] = []

    @property
    def bodies(self) -> list[bytes]:
        return [base64.b64decode(text, validate=True) for text in self.body]


class _Answer(_Part):
    status: str
    text: str = ""

    def decode(self) -> Answer:
        return Answer(self.status, self.text, self.headers, self.bodies)


class _Line(_Part):
    door: Literal["http", "grpc"]
    method: str = "POST"
    path: _Path
    answer: _Answer | None = None


def read_recording(path: Path, *, largest: int) -> Iterator[Exchange]:
    """Yield the exchanges of a recording, one line in memory at a time.

    Args:
        path: the file.
        largest: the most bytes of a line.

    Raises:
        TrafficFault: a line is none of a recording.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(largest + 1), b""), 1):
            if len(line) > largest:
                raise TrafficFault(
                    f"{path}, line {number}: expected at most {largest // MIB} MiB",
                    got="more",
                    remedy="raise --largest",
                )
            if line.strip():
                yield _read_line(line, f"{path}, line {number}", number)


def _read_line(line: bytes, place: str, number: int) -> Exchange:
    try:
        read = _Line.model_validate_json(line)
        answer = read.answer.decode() if read.answer else None
        request = Request(Door(read.door), read.method, read.path, read.headers, read.bodies)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        where = ".".join(map(str, first["loc"]))
        raise TrafficFault(
            f"{place}: expected a recorded request",
            got=f"{where}: {first['msg']}" if where else first["msg"],
            remedy="docs/leaving.md describes the fields",
        ) from None
    except ValueError:
        raise TrafficFault(f"{place}: expected bodies in base64", got="other text") from None
    return Exchange(number, request, answer)


class Recorder:
    """Appends exchanges to a recording.

    Args:
        path: the file, which only its owner may read; what it holds is kept.
        most: bytes that it may have; exchanges that no longer fit are only counted.

    Attributes:
        written: how many were written.
        left_out: how many were not.
    """

    def __init__(self, path: Path, *, most: int) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab")
        self._room = most - os.fstat(descriptor).st_size
        self.written = self.left_out = 0

    def write(self, request: Request, answer: Answer) -> None:
        """Append an exchange."""
        line = {
            "door": request.door,
            "method": request.method,
            "path": request.path,
            **_encode(request.headers, request.bodies),
            "answer": {
                "status": answer.status,
                "text": answer.text,
                **_encode(answer.headers, answer.bodies),
            },
        }
        text = json.dumps(line).encode() + b"\n"
        if len(text) > self._room:
            self.leave_out()
            return
        self._room -= len(text)
        self._file.write(text)
        self._file.flush()
        self.written += 1

    def leave_out(self) -> None:
        """Count an exchange that is not written."""
        self.left_out += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _encode(headers: Headers, bodies: Sequence[bytes]) -> dict[str, object]:
    return {
        "headers": [[name, value] for name, value in headers],
        "body": [base64.b64encode(body).decode() for body in bodies],
    }
