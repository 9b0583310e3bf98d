"""A fault as the details of a status: packed by the server, unpacked by clients.

The messages are those of google.rpc, which every gRPC library knows and which daprd writes into the
JSON that it answers to HTTP callers:

    ErrorInfo    reason (INVALID_TABLE), domain (the app), and as metadata expected, got, remedy,
                 option and what is known of the first place: row, column, value, image, byte,
                 field, file
    BadRequest   of INVALID_ARGUMENT only: one violation for the option, and one for each place,
                 whose field is its path (row[3].column[2])
    RetryInfo    the delay before a retry, where one is known

Trailers may have 8 KiB. They hold the message twice: percent-encoded, which takes up to three
bytes for one, and in the details, which take four bytes for three. Every value is bounded, so that
all of them fit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from meshlens.faults import Fault, Place

TRAILER = "grpc-status-details-bin"

# Bytes of UTF-8.
_LONGEST_PART = 250
_LONGEST_NAME = 100
_LONGEST_VIOLATION = 100
_MOST_PLACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a caller learns about a fault besides code and message; empty where unknown.

    Attributes:
        reason: the kind of fault, such as INVALID_TABLE.
        domain: the app that reports it.
        expected: what would have been right.
        got: what was received instead.
        remedy: what to do about it.
        option: the name of the option concerned.
        places: where it is in the request.
        retry_after: seconds before a retry; None if unknown.
    """

    reason: str = ""
    domain: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""
    option: str = ""
    places: tuple[Place, ...] = ()
    retry_after: float | None = None


def encode_details(
    fault: Fault, *, code: int, message: str, domain: str, retry_after: float | None = None
) -> bytes:
    """Return the bytes of a google.rpc.Status.

    Args:
        fault: what the details are about.
        code: of the status, as a number.
        message: of the status, at most 1000 bytes; libraries reject details whose message differs.
        domain: the app that reports it.
        retry_after: seconds before a retry.
    """
    status = status_pb2.Status(code=code, message=message)
    if retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(retry_after * 1000))
        status.details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    info = error_details_pb2.ErrorInfo(
        reason=fault.reason, domain=domain, metadata=_list_facts(fault)
    )
    status.details.append(_pack(info))
    fields = [fault.option] if fault.option else []
    fields += [place.path for place in fault.places[:_MOST_PLACES]]
    if fields and code == code_pb2.INVALID_ARGUMENT:
        violation = error_details_pb2.BadRequest.FieldViolation
        description = shorten(message, _LONGEST_VIOLATION)
        violations = [
            violation(field=shorten(field, _LONGEST_NAME), description=description)
            for field in fields
        ]
        status.details.append(_pack(error_details_pb2.BadRequest(field_violations=violations)))
    packed: bytes = status.SerializeToString()
    return packed


def decode_details(packed: bytes) -> Details:
    """Return the details in the trailer TRAILER of a failed call; empty for no bytes."""
    try:
        status = status_pb2.Status.FromString(packed)
    except DecodeError:
        return Details()
    info, bad, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    delay = None
    for detail in status.details:
        if detail.Unpack(retry):
            delay = retry.retry_delay.ToMilliseconds() / 1000
        else:
            detail.Unpack(info) or detail.Unpack(bad)
    facts = dict(info.metadata)
    option = facts.pop("option", "")
    fields = [violation.field for violation in bad.field_violations]
    return Details(
        reason=info.reason,
        domain=info.domain,
        option=option,
        places=_read_places(facts, fields[1:] if option else fields),
        retry_after=delay,
        **{name: facts.get(name, "") for name in ("expected", "got", "remedy")},
    )


def shorten(text: str, most: int) -> str:
    """Return `text`, cut and ended with an ellipsis if it exceeds `most` bytes."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= most:
        return encoded.decode()
    return encoded[: most - 3].decode(errors="ignore") + "..."


def _list_facts(fault: Fault) -> dict[str, str]:
    parts = {"expected": fault.expected, "got": fault.got, "remedy": fault.remedy}
    names = {"option": fault.option}
    for place in fault.places[:1]:
        names |= place.facts()
    return {name: shorten(text, _LONGEST_PART) for name, text in parts.items() if text} | {
        name: shorten(text, _LONGEST_NAME) for name, text in names.items() if text
    }


def _read_places(facts: Mapping[str, str], paths: Iterable[str]) -> tuple[Place, ...]:
    first = Place.of_facts(facts)
    rest = [Place.of_path(path) for path in paths]
    if first == Place():
        return tuple(rest)
    return (first, *rest[1:])


def _pack(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
