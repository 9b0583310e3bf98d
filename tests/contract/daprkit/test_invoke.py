"""What a caller of a method sees, over a real gRPC connection."""

import gc

import grpc
import pytest
from contract.daprkit.toy import MAX_BODY, READ, refusal_of, seen
from dapr.proto import appcallback_service_v1, common_v1
from processes import eventually

from meshlens.daprkit.client import CallRejected, Client
from meshlens.daprkit.transports.invoke import ON_INVOKE


def test_query_content_type_and_headers_reach_the_method(client: Client) -> None:
    reply = client.invoke(
        "toy",
        "describe",
        b"abc",
        content_type="Text/CSV; charset=utf-8",
        query={"k": "2", "title": "a b&c"},
        accept="text/html, application/json;q=0.5",
    )
    assert reply.content_type == "application/json"
    assert reply.headers["x-seen"] == "yes"
    assert seen(reply) == {
        "verb": "NONE",
        "query": {"k": "2", "title": "a b&c"},
        "content_type": "text/csv",
        "size": 3,
        "x-tag": None,
        "parameters": {},
        "preferred": "text/html",
    }


@pytest.mark.parametrize(
    "content_type", ["text/html; charset=utf-8", "text/csv", "text/plain", "image/svg+xml"]
)
def test_what_a_browser_shows_must_be_taken_for_what_it_is(
    client: Client, content_type: str
) -> None:
    reply = client.invoke("toy", "show", b"<script>", query={"type": content_type})
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_query_may_stand_behind_the_method(client: Client) -> None:
    assert seen(client.invoke("toy", "describe?k=2&t=%20"))["query"] == {"k": "2", "t": " "}
    both = client.invoke("toy", "describe?k=2", query={"t": "1"})
    assert seen(both)["query"] == {"k": "2", "t": "1"}


def test_path_templates_hand_over_their_parts(client: Client) -> None:
    answer = seen(client.invoke("toy", "things/a b/versions/3"))
    assert answer["parameters"] == {"name": "a b", "version": "3"}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/plain"),
        ("image/png", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("nonsense;;q=x,", "application/json"),
    ],
)
def test_accept_picks_the_representation(client: Client, accept: str, expected: str) -> None:
    assert seen(client.invoke("toy", "describe", accept=accept))["preferred"] == expected


def refusal_of_raw(port: int, extension: common_v1.HTTPExtension) -> grpc.RpcError:
    """Call with what the client would never send, as a sidecar may; it must fail."""
    message = common_v1.InvokeRequest(method="describe", http_extension=extension)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        with pytest.raises(grpc.RpcError) as fault:
            stub.OnInvoke(message)
    return fault.value


@pytest.mark.parametrize(
    "querystring", ["a=1&a=2", "&".join(f"a{i}=1" for i in range(100)), "a=%ff"]
)
def test_query_strings_that_cannot_be_meant_are_refused(port: int, querystring: str) -> None:
    extension = common_v1.HTTPExtension(querystring=querystring)
    assert refusal_of_raw(port, extension).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_verb_that_the_method_does_not_take_is_refused(port: int) -> None:
    extension = common_v1.HTTPExtension(verb=common_v1.HTTPExtension.DELETE)
    refusal = refusal_of_raw(port, extension)
    assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "GET or POST" in (refusal.details() or "")


def test_the_limit_on_bodies_is_exact_and_named(client: Client) -> None:
    assert seen(client.invoke("toy", "work", bytes(MAX_BODY)))["size"] == MAX_BODY
    refusal = refusal_of(lambda: client.invoke("toy", "work", bytes(MAX_BODY + 1)))
    assert refusal.code == "RESOURCE_EXHAUSTED"
    assert "MAX_BODY" in refusal.message
    assert str(MAX_BODY) in refusal.message


def test_bytes_that_are_no_call_are_the_callers_fault(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(ON_INVOKE)
        with pytest.raises(grpc.RpcError) as fault:
            call(b"\xff")
    assert fault.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "must be an InvokeRequest" in (fault.value.details() or "")


@pytest.mark.parametrize("key", ["", "one-of-its-own"])
def test_what_a_refused_request_was_read_as_waits_for_no_collection(
    client: Client, key: str
) -> None:
    READ.clear()
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(CallRejected):
                client.invoke("toy", "refuse", key=key)
        # The caller may have its answer before the server's threads have left the request.
        eventually(lambda: all(read() is None for read in READ), "all of it is gone")
    finally:
        gc.enable()
    assert len(READ) == 3
