"""What a header says about a connection, or about the mesh, stays where it is."""

from meshlens.daprkit.gateway.headers import keep_answer, keep_request


def test_a_method_gets_the_headers_of_the_functions_caller() -> None:
    sent = {"accept": "text/csv", "content-encoding": "gzip", "x-mine": "1", "cookie": "a=1"}
    assert keep_request(sent, {}) == sent


def test_headers_of_a_connection_are_left_out() -> None:
    sent = {
        "connection": "close, X-Hop",
        "x-hop": "1",
        "transfer-encoding": "chunked",
        "content-length": "3",
        "host": "d.example",
        "te": "trailers",
        "accept": "a/b",
    }
    assert keep_request(sent, {}) == {"accept": "a/b"}
    assert keep_answer({"Connection": "close", "Content-Length": "1", "ETag": "x"}) == {"etag": "x"}


def test_an_event_cannot_say_who_calls_in_the_mesh() -> None:
    sent = {
        "caller-app-id": "admin",
        "dapr-caller-app-id": "admin",
        "dapr-api-token": "t",
        "traceparent": "00-1",
        "grpc-timeout": "1S",
        ":authority": "a",
    }
    outer = {"caller-app-id": "shop", "traceparent": "00-2", "accept": "*/*", "x-mine": "2"}
    assert keep_request(sent, outer) == {"caller-app-id": "shop", "traceparent": "00-2"}
