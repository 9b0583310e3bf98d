"""Bodies are read as JSON-RPC 2.0 says, within bounds."""

import json
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.mcp.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    MOST_AROUND,
    MOST_IN_BATCH,
    PARSE_ERROR,
    Broken,
    Call,
    Notification,
    ProtocolFault,
    encode_error,
    encode_result,
    parse_body,
)

MIB = 1 << 20


def write(**fields: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode()


@pytest.mark.parametrize("identity", [1, 0, -5, 2**63 - 1, "a", "", "ä" * 1000])
def test_a_call_has_an_id_of_a_number_or_a_text(identity: str | int) -> None:
    body = write(id=identity, method="ping", params={"a": 1})
    assert parse_body(body) == Call(identity, "ping", {"a": 1})
    assert parse_body(write(id=identity, method="ping")) == Call(identity, "ping", {})


def test_a_message_without_an_id_is_a_notification() -> None:
    assert parse_body(write(method="notifications/initialized")) == Notification(
        "notifications/initialized"
    )


@pytest.mark.parametrize(
    ("body", "identity", "code"),
    [
        (b"{}", None, INVALID_REQUEST),
        (b"1", None, INVALID_REQUEST),
        (b'"ping"', None, INVALID_REQUEST),
        (b"null", None, INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 1, INVALID_REQUEST),
        (b'{"id":1,"method":"ping"}', 1, INVALID_REQUEST),
        (write(id=1), 1, INVALID_REQUEST),
        (write(id=1, method=7), 1, INVALID_REQUEST),
        (write(id=1, result={}), 1, INVALID_REQUEST),
        (write(id=None, method="ping"), None, INVALID_REQUEST),
        (write(id=True, method="ping"), None, INVALID_REQUEST),
        (write(id=1.5, method="ping"), None, INVALID_REQUEST),
        (write(id=[1], method="ping"), None, INVALID_REQUEST),
        (write(id=2**63, method="ping"), None, INVALID_REQUEST),
        (write(id="a" * 1001, method="ping"), None, INVALID_REQUEST),
        (write(id=1, method="ping", params=[1]), 1, INVALID_PARAMS),
        (write(id=1, method="ping", params=None), 1, INVALID_PARAMS),
    ],
)
def test_what_is_no_message_is_broken_and_keeps_its_id(
    body: bytes, identity: int | None, code: int
) -> None:
    message = parse_body(body)
    assert isinstance(message, Broken)
    assert (message.id, message.fault.code) == (identity, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a":NaN}',
        b"{} x",
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"[" * 1000,
        b'{"a":' * 1000,
        b"1" * 10_000,
        b'"' + b"a" * MIB,
        b'"' + b'\\"' * MIB,
    ],
)
def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(ProtocolFault) as fault:
        parse_body(body)
    assert fault.value.code == PARSE_ERROR
    assert len(str(fault.value)) < 300


def test_a_batch_is_its_messages() -> None:
    batch = parse_body(b"[%s,%s,3]" % (write(id=1, method="ping"), write(method="x")))
    assert isinstance(batch, Sequence)
    call, notification, broken = batch
    assert (call, notification) == (Call(1, "ping"), Notification("x"))
    assert isinstance(broken, Broken)


@pytest.mark.parametrize("length", [0, MOST_IN_BATCH + 1])
def test_a_batch_has_one_message_at_least_and_not_too_many(length: int) -> None:
    with pytest.raises(ProtocolFault) as fault:
        parse_body(b"[%s]" % b",".join([b"1"] * length))
    assert fault.value.code == INVALID_REQUEST


@pytest.mark.parametrize(
    "part",
    [b'["",%s""]', b"[1,%s1]", b"[{},%s{}]", b'{"":1,%s"":1}'],
    ids=["texts", "numbers", "objects", "names"],
)
def test_a_body_of_many_values_is_refused_before_they_are_made(part: bytes) -> None:
    element = part[1 : part.index(b",") + 1]
    body = part % (element * (4 * MIB // len(element)))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolFault) as fault:
            parse_body(body)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()
    assert fault.value.code == INVALID_REQUEST
    assert str(MOST_AROUND) in str(fault.value)


@pytest.mark.parametrize("unit", ["a", 'a"b\n', "\\", 'ä"', "1,2\n", '",[{'])
def test_texts_may_be_as_long_as_a_body(unit: str) -> None:
    text = unit * (MIB // len(unit))
    message = parse_body(write(id=1, method="m", params={"text": text, "other": unit}))
    assert message == Call(1, "m", {"text": text, "other": unit})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_an_answer_is_json_and_repeats_the_id(value: object) -> None:
    identity = str(value)
    result = json.loads(encode_result(identity, json.dumps({"it": value}).encode()))
    assert result == {"jsonrpc": "2.0", "id": identity, "result": {"it": value}}
    fault = ProtocolFault(-1, "a", got=identity, data=[1])
    error = json.loads(encode_error(None, fault))
    assert error["error"] == {"code": -1, "message": str(fault), "data": [1]}
    assert error["id"] is None
