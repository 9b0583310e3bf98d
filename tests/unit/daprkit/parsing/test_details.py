import base64
from urllib.parse import quote

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit import errors
from meshlens.daprkit.application.status import (
    DAPRKIT,
    LONGEST_MESSAGE,
    LONGEST_REFUSAL,
    Refused,
    Status,
    Statuses,
)
from meshlens.daprkit.parsing.details import TRAILER, Details, decode_details, encode_details
from meshlens.faults import Fault, Place

# Of grpc: what goes beyond is refused now and then.
MOST_METADATA = 8 * 1024
TEXTS = st.text() | st.text("雪❄😀", min_size=1000, max_size=2000)
PLACES = st.builds(
    Place,
    row=st.none() | st.integers(1, 10**12),
    column=st.none() | st.integers(1, 10**12),
    value=st.none() | st.integers(1, 10**12),
    image=st.none() | st.integers(1, 10**12),
    byte=st.none() | st.integers(1, 10**12),
    field=TEXTS,
    file=TEXTS,
)


class InvalidThing(Fault):
    """A fault of the tests."""


def send(fault: Fault, status: Status = Status.INVALID_ARGUMENT) -> tuple[str, bytes]:
    """Return the message and the details as the interceptor makes them."""
    _, message = Statuses({Fault: status}).describe(fault)
    details = encode_details(fault, code=status.value[0], message=message, domain="toy")
    return message, details


FAULT = InvalidThing(
    "each cell must hold a number",
    got="2 missing",
    remedy="complete them",
    option="missing",
    places=[Place(row=3, column=2, field="width"), Place(row=4, column=1)],
)


def test_what_is_packed_can_be_unpacked() -> None:
    _, data = send(FAULT)
    details = decode_details(data)
    assert details.reason == "INVALID_THING"
    assert details.domain == "toy"
    assert (details.expected, details.got) == ("each cell must hold a number", "2 missing")
    assert details.remedy == "complete them"
    assert details.option == "missing"
    assert details.places == FAULT.places
    assert details.retry_after is None


def test_a_delay_is_said_first() -> None:
    fault = errors.Busy(16, 0.25)
    code = code_pb2.RESOURCE_EXHAUSTED
    data = encode_details(
        fault, code=code, message=str(fault), domain="toy", retry_after=fault.retry_after
    )
    assert status_pb2.Status.FromString(data).details[0].Is(error_details_pb2.RetryInfo.DESCRIPTOR)
    details = decode_details(data)
    assert details.retry_after == 0.25
    assert details.reason == "BUSY"
    assert str(fault) == ("the queue is full (16 requests waiting or running); retry after 0.25 s")


def test_violations_belong_to_invalid_arguments_alone() -> None:
    _, data = send(FAULT, Status.NOT_FOUND)
    bad = error_details_pb2.BadRequest.DESCRIPTOR
    assert not any(detail.Is(bad) for detail in status_pb2.Status.FromString(data).details)
    details = decode_details(data)
    assert details.option == "missing"
    assert details.places == FAULT.places[:1]


@pytest.mark.parametrize("packed", [b"", b"\xff\xff"])
def test_what_is_no_status_says_nothing(packed: bytes) -> None:
    assert decode_details(packed) == Details()


@pytest.mark.slow
@given(
    expected=TEXTS,
    got=TEXTS,
    remedy=TEXTS,
    option=TEXTS,
    places=st.lists(PLACES, max_size=20),
)
def test_trailers_always_fit(
    expected: str, got: str, remedy: str, option: str, places: list[Place]
) -> None:
    fault = InvalidThing(expected, got=got, remedy=remedy, option=option, places=places)
    message, data = send(fault)
    headers = {"grpc-status": "3", "grpc-message": quote(message), TRAILER: base64.b64encode(data)}
    assert sum(len(name) + len(value) + 32 for name, value in headers.items()) < MOST_METADATA
    assert status_pb2.Status.FromString(data).message == message
    assert decode_details(data).reason == "INVALID_THING"


def test_a_message_is_cut_between_characters() -> None:
    _, message = Statuses({Fault: Status.INVALID_ARGUMENT}).describe(Fault("ü" * 600))
    assert message == "ü" * 498 + "..."
    assert len(message.encode()) <= LONGEST_MESSAGE


def test_a_message_of_the_longest_length_is_left_alone() -> None:
    longest = "x" * LONGEST_MESSAGE
    assert Statuses({Fault: Status.INVALID_ARGUMENT}).describe(Fault(longest))[1] == longest


def test_a_refusal_of_the_longest_length_is_left_alone_and_fits() -> None:
    longest = "雪" * (LONGEST_REFUSAL // 3)
    message, data = send(Refused(Status.INVALID_ARGUMENT, longest))
    assert message == longest
    assert len(quote(message)) + len(base64.b64encode(data)) < MOST_METADATA - 500


def test_every_error_has_a_status() -> None:
    known = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert known - {Fault, errors.DaprkitError} == set(DAPRKIT)
