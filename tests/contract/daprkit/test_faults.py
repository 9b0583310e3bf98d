"""What a caller is told when a call fails: code, message and details."""

import pytest
from contract.daprkit.toy import refusal_of, seen, status_of
from google.rpc import code_pb2, error_details_pb2

from meshlens.daprkit.application.status import LONGEST_MESSAGE
from meshlens.daprkit.client import Client
from meshlens.daprkit.parsing.details import Details


@pytest.mark.parametrize(
    ("method", "query", "code", "words"),
    [
        ("nothing", {}, "NOT_FOUND", ["'nothing'", "describe", "work"]),
        ("", {}, "NOT_FOUND", ["''"]),
        ("things/a", {}, "NOT_FOUND", ["things/a"]),
        ("describe", {"timeout": "soon"}, "INVALID_ARGUMENT", ["'soon'", "2.5"]),
        ("describe", {"timeout": "-1"}, "INVALID_ARGUMENT", ["'-1'"]),
        ("describe", {"timeout": "nan"}, "INVALID_ARGUMENT", ["'nan'"]),
        ("refuse", {}, "FAILED_PRECONDITION", ["expected a yes", "ask again"]),
    ],
)
def test_faults_have_a_code_and_say_what_to_do(
    client: Client, method: str, query: dict[str, str], code: str, words: list[str]
) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", method, query=query))
    assert refusal.code == code
    for word in words:
        assert word in refusal.message


def test_a_fault_is_sent_as_data_too(client: Client) -> None:
    assert refusal_of(lambda: client.invoke("toy", "refuse")).details == Details(
        reason="REFUSED",
        domain="toy",
        expected="expected a yes",
        got="a no",
        remedy="ask again",
        option="answer",
    )
    details = refusal_of(lambda: client.invoke("toy", "describe?timeout=soon")).details
    assert (details.reason, details.option) == ("INVALID_REQUEST", "timeout")


def test_status_and_details_are_one_for_grpc_libraries(client: Client) -> None:
    rich = status_of(refusal_of(lambda: client.invoke("toy", "describe?timeout=soon")))
    assert rich.code == code_pb2.INVALID_ARGUMENT
    bad = error_details_pb2.BadRequest()
    assert rich.details[-1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == ["timeout"]


def test_an_unexpected_error_is_internal_and_tells_no_secrets(client: Client) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", "break"))
    assert refusal.details == Details()
    assert refusal.code == "INTERNAL"
    assert "swordfish" not in refusal.message
    assert seen(client.invoke("toy", "work", b"next"))["size"] == 4


@pytest.mark.parametrize("method", ["refuse-at-length", "work"])
def test_long_messages_are_cut_before_they_fill_the_trailers(client: Client, method: str) -> None:
    query = {"timeout": "x" * 5000} if method == "work" else {}
    refusal = refusal_of(lambda: client.invoke("toy", method, query=query))
    assert refusal.code in {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}
    assert len(refusal.message) == LONGEST_MESSAGE
    assert refusal.message.endswith("...")
