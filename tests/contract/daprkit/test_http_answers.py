"""By HTTP a service answers what it answers by invoke, with statuses and bodies of its own."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from urllib.parse import quote

import pytest
from contract.daprkit.http_calls import (
    HOST,
    PATIENCE,
    Answer,
    call,
    call_on,
    connect,
    listening,
    read_answer,
)
from contract.daprkit.toy import MAX_BODY, TOKEN, Gate
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from processes import eventually

from meshlens.daprkit.client import Client


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening() as (_, _, port):
        yield port


def test_a_request_means_what_it_means_by_invoke(port: int) -> None:
    answer = call(
        port,
        "/describe?color=red&size=%C3%BC",
        b"abc",
        headers={"Content-Type": "Text/CSV; charset=latin-1", "X-Tag": "7", "Accept": "text/html"},
    )
    assert answer.status == 200
    assert answer.json() == {
        "verb": "POST",
        "query": {"color": "red", "size": "ü"},
        "content_type": "text/csv",
        "size": 3,
        "x-tag": "7",
        "parameters": {},
        "preferred": "text/html",
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-seen"] == "yes"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize(
    "path",
    [
        "/things/a%20b/versions/3",
        "//things/./a%20b//versions/3/",
        "/x/../things/a%20b/versions/3",
        "http://elsewhere:80/things/a%20b/versions/3",
        "/things%2Fa%20b%2Fversions%2F3",
    ],
)
def test_a_path_is_cleaned_as_a_sidecar_cleans_it(port: int, path: str) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", "here")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 200
    assert b'"parameters": {"name": "a b", "version": "3"}' in answer.read()
    connection.close()


def test_head_has_the_headers_of_get_and_no_body(port: int) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    get = call_on(connection, "/things/a/versions/3")
    head = call_on(connection, "/things/a/versions/3", verb="HEAD")
    # The body says the verb, which is a letter longer.
    assert int(head.headers["content-length"]) == len(get.body) + 1
    assert head.headers["content-type"] == get.headers["content-type"]
    assert (head.status, head.body) == (200, b"")
    assert call_on(connection, "/describe").status == 200
    connection.close()


def test_what_browsers_show_is_shown_as_what_it_is(port: int) -> None:
    answer = call(port, f"/show?type={quote('text/html; charset=utf-8')}", b"<p>")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body == b"<p>"


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, 5),
        ("GET", "/", None, 404, 5),
        ("OPTIONS", "*", None, 404, 5),
        ("POST", "/things/a/versions/3", b"", 405, 3),
        ("NONE", "/work", b"", 405, 3),
        ("BREW", "/work", b"", 405, 3),
        ("GET", "/things/%FF/versions/3", None, 400, 3),
        ("GET", "/describe?a=1&a=2", None, 400, 3),
        ("POST", "/describe?timeout=no", b"", 400, 3),
        ("POST", "/refuse", b"x", 400, 9),
        ("POST", "/break", b"x", 500, 13),
        ("POST", "/work", b"x" * (MAX_BODY + 1), 413, 8),
    ],
)
def test_an_error_has_its_status_and_the_json_of_a_google_rpc_status(
    port: int, verb: str, path: str, body: bytes | None, status: int, code: int
) -> None:
    answer = call(port, path, body, verb=verb)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    rich = json_format.Parse(answer.body, status_pb2.Status())
    assert rich.code == code
    assert "password" not in rich.message
    if code != 13:
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in rich.details)
        assert info.domain == "toy"


def test_a_wrong_verb_is_told_the_right_ones(port: int) -> None:
    assert call(port, "/work").headers["allow"] == "POST, PUT"
    assert call(port, "/things/a/versions/3", b"x").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("verb", "body", "status", "text"),
    [
        ("POST", b"x", 400, "FAILED_PRECONDITION: expected a yes, got a no; ask again"),
        ("GET", None, 405, "INVALID_ARGUMENT: foreign expects POST or PUT, got GET; "),
        ("POST", b"x" * (MAX_BODY + 1), 413, "RESOURCE_EXHAUSTED: body must have at most"),
    ],
)
def test_a_route_words_its_own_errors(
    port: int, verb: str, body: bytes | None, status: int, text: str
) -> None:
    answer = call(port, "/foreign", body, verb=verb)
    assert answer.status == status
    (key, value), *rest = answer.json().items()
    assert (key, rest) == ("error", [])
    assert str(value).startswith(text)


def test_a_full_queue_says_when_to_try_again(port: int, gate: Gate) -> None:
    with ThreadPoolExecutor(5) as callers:
        calls = [callers.submit(call, port, "/gate", b"x") for _ in range(5)]
        refused = next(as_completed(calls, timeout=PATIENCE)).result()
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert b"RetryInfo" in refused.body
        gate.open.set()
        answers = sorted(one.result().status for one in calls)
    assert answers == [200] * 4 + [429]


def test_both_doors_lead_to_one_queue(gate: Gate) -> None:
    with (
        listening(http_metrics=True) as (_, grpc_port, port),
        Client(f"{HOST}:{grpc_port}") as client,
        ThreadPoolExecutor(4) as callers,
    ):
        running = [callers.submit(client.invoke, "toy", "gate", b"x") for _ in range(4)]
        gate.await_begun(2)
        eventually(lambda: admitted(port) == 4, "all are admitted")
        assert call(port, "/gate", b"x").status == 429
        assert call(port, "/describe").status == 200
        gate.open.set()
        assert [one.result().body for one in running] == [b"through"] * 4


def test_a_time_limit_holds(port: int, gate: Gate) -> None:
    answer = call(port, "/gate?timeout=0.05", b"x")
    assert answer.status == 504
    assert answer.json()["code"] == 4
    gate.open.set()


def test_work_whose_caller_has_gone_never_begins(gate: Gate) -> None:
    with listening(http_metrics=True) as (_, _, port), ThreadPoolExecutor(2) as callers:
        running = [callers.submit(call, port, "/gate", b"running") for _ in range(2)]
        gate.await_begun(2)
        with connect(port) as leaving:
            leaving.sendall(b"POST /gate HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ngone")
            eventually(lambda: admitted(port) == 3, "it waits in the queue")
        eventually(lambda: admitted(port) == 2, "its place is free")
        gate.open.set()
        assert [one.result().status for one in running] == [200, 200]
    assert gate.begun == ["running"] * 2


def admitted(port: int) -> int:
    """Return how many requests wait for a worker or run."""
    lines = call(port, "/metrics").body.decode().splitlines()
    (value,) = (line.removeprefix("admitted ") for line in lines if line.startswith("admitted "))
    return int(float(value))


def test_browsers_are_to_guess_at_no_answer() -> None:
    with listening(app_api_token=TOKEN) as (_, _, port):
        known = {"dapr-api-token": TOKEN}
        for path, headers in (
            ("/describe", known),
            ("/work", known),
            ("/nothing", known),
            ("/work", {}),
            ("/livez", {}),
        ):
            answer = call(port, path, b"x", headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff", (path, answer.status)


def test_the_token_is_expected_except_from_probes() -> None:
    with listening(app_api_token=TOKEN, http_metrics=True) as (_, _, port):
        for headers in (
            {"dapr-api-token": TOKEN},
            {"Authorization": f"Bearer {TOKEN}"},
            {"authorization": f"bearer  {TOKEN}"},
            {"dapr-api-token": TOKEN, "Authorization": "Basic ZGFwci1hcHAtaWQ6dG95"},
        ):
            assert call(port, "/work", b"x", headers=headers).status == 200
        for headers in (
            {},
            {"dapr-api-token": "swordfisch"},
            {"dapr-api-token": "ü"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": TOKEN},
        ):
            for path in ("/work", "/nothing", "/metrics"):
                refused = call(port, path, b"x" * 10, headers=headers)
                assert (refused.status, refused.json()["code"]) == (401, 16)
                assert refused.headers["www-authenticate"] == "Bearer"
        assert [call(port, path).status for path in ("/livez", "/readyz")] == [200, 200]
        assert call(port, "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status == 200


def test_probes_see_what_grpc_health_says() -> None:
    serves = {"": True}
    with listening(readiness=lambda: serves) as (server, _, port):
        assert call(port, "/readyz").body == b"ok"
        assert call(port, "/readyz", verb="HEAD").status == 200
        serves[""] = False
        assert call(port, "/readyz").status == 503
        assert call(port, "/livez").status == 200
        serves[""] = True
        server.drain()
        draining = call(port, "/readyz")
        assert (draining.status, draining.headers["connection"]) == (503, "close")
        assert call(port, "/livez").status == 200
        assert call(port, "/work", b"x").status == 200


def test_metrics_are_shown_when_asked_for_only(port: int) -> None:
    assert call(port, "/metrics").status == 404
    with listening(http_metrics=True) as (_, _, shown):
        call(shown, "/work", b"x")
        metrics = call(shown, "/metrics")
    assert (
        b'calls_total{code="OK",method="work",model="",protocol="http",version=""} 1.0'
        in metrics.body.splitlines()
    )
    assert metrics.headers["content-type"].startswith("text/plain")


def test_requests_sent_ahead_are_answered_in_their_order(port: int) -> None:
    with connect(port) as connection:
        for number in range(20):
            connection.sendall(
                b"POST /describe?n=%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" % number
            )
        seen = [read_answer(connection).json()["query"] for _ in range(20)]
    assert seen == [{"n": str(number)} for number in range(20)]


def test_http_1_0_is_answered_and_the_connection_ends(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /describe HTTP/1.0\r\n\r\n")
        answer: Answer = read_answer(connection)
        assert answer.status == 200
        assert connection.recv(1) == b""
