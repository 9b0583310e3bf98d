"""Messages of JSON-RPC 2.0: bytes -> calls and notifications, and results and errors -> bytes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic_core import from_json

from meshlens.faults import Fault

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602

# Texts, such as pictures, are as long as a body may be; everything around them is short. What is
# built of a message is thereby at most a small multiple of it.
MOST_AROUND = 64 * 1024  # bytes outside of texts
MOST_IN_BATCH = 32
_LONGEST_ID = 1000
_LARGEST_ID = 2**63
_REST_OF_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)

Id: TypeAlias = str | int | None


class ProtocolFault(Fault):
    """A message that the protocol does not allow.

    Attributes:
        code: of the JSON-RPC error.
        data: more about it, as JSON values.
    """

    def __init__(
        self, code: int, expected: str, *, got: str = "", remedy: str = "", data: object = None
    ) -> None:
        self.code = code
        self.data = data
        super().__init__(expected, got=got, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Call:
    """A message that wants an answer.

    Attributes:
        id: what its answer repeats.
        method: the name of the method.
        params: its parameters by name.
    """

    id: Id
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that wants none."""

    method: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A message that is neither, and the id that it has for all that."""

    id: Id
    fault: ProtocolFault


Message: TypeAlias = Call | Notification | Broken


def parse_body(body: bytes) -> Message | Sequence[Message]:
    """Return the message in a body, or those of a batch.

    Raises:
        ProtocolFault: it is not JSON, more than texts are long, or a batch is empty or too long.
    """
    if len(body) > MOST_AROUND and _measure_around(body) > MOST_AROUND:
        raise ProtocolFault(
            INVALID_REQUEST,
            f"a message must have at most {MOST_AROUND} bytes outside of its texts",
            got="more",
            remedy="send tables and pictures as texts, in one argument each",
        )
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProtocolFault(
            PARSE_ERROR, "the body must be JSON", got=str(error), remedy="correct it"
        ) from None
    if not isinstance(value, list):
        return _read_message(value)
    if not 1 <= len(value) <= MOST_IN_BATCH:
        raise ProtocolFault(
            INVALID_REQUEST,
            f"a batch must have 1 to {MOST_IN_BATCH} messages",
            got=f"{len(value)}",
            remedy="send them one by one",
        )
    return [_read_message(each) for each in value]


def _measure_around(body: bytes) -> int:
    """Return the bytes outside of texts, or any number beyond the limit once it is passed."""
    position = around = 0
    while around <= MOST_AROUND:
        start = body.find(b'"', position)
        if start < 0:
            return around + len(body) - position
        around += start - position + 2
        end = body.find(b'"', start + 1)
        if end > 0 and body[end - 1] != ord("\\"):
            position = end + 1
            continue
        text = _REST_OF_TEXT.match(body, start + 1)
        if text is None:  # it does not end, which the parser finds, too
            return around
        position = text.end()
    return around


def _read_message(value: object) -> Message:
    if not isinstance(value, dict):
        return Broken(None, _refuse("an object", "another value"))
    known = value.get("id") if _is_id(value.get("id")) else None
    try:
        return _check(value, known)
    except ProtocolFault as fault:
        return Broken(known, fault)


def _check(value: Mapping[str, Any], known: Id) -> Call | Notification:
    """Return a message; `known` is its id, None if that is none."""
    if value.get("jsonrpc") != "2.0":
        raise _refuse('"jsonrpc": "2.0"', "another value or none")
    method = value.get("method")
    if not isinstance(method, str):
        raise _refuse("the name of a method", "none")
    if "id" not in value:
        return Notification(method)
    if known is None:
        wanted = f"as id a whole number of 64 bits or at most {_LONGEST_ID} letters"
        raise _refuse(wanted, "another value")
    params = value.get("params", {})
    if not isinstance(params, dict):
        raise ProtocolFault(
            INVALID_PARAMS,
            "params must be an object",
            got="another value",
            remedy="name each parameter",
        )
    return Call(known, method, params)


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_ID
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_ID


def _refuse(expected: str, got: str) -> ProtocolFault:
    return ProtocolFault(
        INVALID_REQUEST,
        f"a message must be a request or a notification of JSON-RPC 2.0, with {expected}",
        got=got,
        remedy="correct it",
    )


def encode_result(identity: Id, result: bytes) -> bytes:
    """Return the answer to a call; `result` is JSON already."""
    return b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (encode(identity), result)


def encode_error(identity: Id, fault: ProtocolFault) -> bytes:
    """Return the answer to what the protocol does not allow."""
    error: dict[str, object] = {"code": fault.code, "message": str(fault)}
    if fault.data is not None:
        error["data"] = fault.data
    return b'{"jsonrpc":"2.0","id":%s,"error":%s}' % (encode(identity), encode(error))


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
