"""Whatever a client sends by HTTP, or does not, its fault is its own and others are served."""

import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psutil
import pytest
from contract.daprkit.http_calls import HOST, call, connect, is_ended, listening, read_answer
from contract.daprkit.toy import MAX_BODY
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import eventually

from meshlens.daprkit.client import Client
from meshlens.daprkit.transports.http import protocol, requests, serving

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening() as (_, _, port):
        yield port


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n")
        assert read_answer(connection).status == 413


def test_a_body_of_unknown_size_is_refused_where_it_becomes_too_large(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"%x\r\n%s\r\n" % (MAX_BODY + 1, b"x" * (MAX_BODY + 1)))
        assert read_answer(connection).status == 413


def test_who_sends_all_of_a_large_body_first_can_read_the_refusal_and_go_on(port: int) -> None:
    with connect(port) as connection:
        head = b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (16 * MIB))
        connection.sendall(bytes(16 * MIB))
        assert read_answer(connection).status == 413
        connection.sendall(head % 1 + b"x")
        assert read_answer(connection).status == 200


def test_a_large_body_is_not_kept() -> None:
    process = psutil.Process(os.getpid())
    with listening() as (_, _, port), connect(port) as connection:
        call(port, "/work", b"x")
        before = process.memory_info().rss
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n%s\r\n" % (MIB, bytes(MIB))
        for _ in range(100):
            connection.sendall(chunk)
        assert read_answer(connection).status == 413
        assert process.memory_info().rss - before < 50 * MIB


def test_who_asks_whether_to_send_a_body_is_told(port: int) -> None:
    ask = b"POST /work HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with connect(port) as connection:
        connection.sendall(ask % 3)
        assert read_answer(connection).status == 100
        connection.sendall(b"abc")
        assert read_answer(connection).status == 200
        connection.sendall(ask % (MAX_BODY + 1))
        refused = read_answer(connection)
        assert (refused.status, refused.headers["connection"]) == (413, "close")
        assert is_ended(connection)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /describe\r\n\r\n", 400),
        (b"GET /describe HTTP/1.1\r\n\r\n", 400),
        (b"GET /describe HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"GET /describe HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
        (b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc", 400),
        (
            b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
            400,
        ),
        (b"GET /describe HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 40_000, 431),
    ],
)
def test_what_is_not_http_is_refused_as_such(port: int, sent: bytes, status: int) -> None:
    with connect(port) as connection:
        connection.sendall(sent)
        answer = read_answer(connection)
        assert answer.status == status
        assert answer.json()["code"] == 3
        assert answer.headers["content-type"] == "application/json"
    assert call(port, "/describe").status == 200


def test_a_body_in_chunks_is_read(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in (b"3\r\nab", b"c\r", b"\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"):
            connection.sendall(chunk)
        answer = read_answer(connection)
    assert (answer.status, answer.json()["size"]) == (200, 5)


@pytest.mark.parametrize("sent", [b"", b"GET /describe HTTP/1.1\r\nHost:"])
def test_a_head_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with listening() as (_, _, port), connect(port) as connection:
        connection.sendall(sent)
        assert is_ended(connection)


def test_a_second_head_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with listening() as (_, _, port), connect(port) as connection:
        connection.sendall(b"GET /describe HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_answer(connection).status == 200
        connection.sendall(b"G")
        assert is_ended(connection)


def test_a_body_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.3)
    with listening() as (_, _, port), connect(port) as connection:
        connection.sendall(b"POST /foreign HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        answer = read_answer(connection)
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert str(answer.json()["error"]).startswith("CANCELLED: a body must come within")
        assert is_ended(connection)


def test_the_rest_of_a_refused_body_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.2)
    with listening() as (_, _, port), connect(port) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nx")
        assert read_answer(connection).status == 413
        assert is_ended(connection)


def test_who_does_not_read_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.2)
    size = 32 * MIB
    with listening(max_body=size) as (_, _, port), connect(port) as connection:
        head = (
            b"POST /show?type=text/plain HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
        )
        connection.sendall(head + bytes(size))
        eventually(lambda: established(port) == 0, "the connection has ended")
        assert call(port, "/describe").status == 200


def test_who_reads_a_large_answer_gets_all_of_it() -> None:
    size = 32 * MIB
    with listening(max_body=size) as (_, _, port):
        body = os.urandom(MIB) * 32
        assert call(port, "/show?type=text/plain", body).body == body


def established(port: int) -> int:
    return sum(
        one.status == psutil.CONN_ESTABLISHED and one.laddr[1] == port
        for one in psutil.Process().net_connections("tcp")
    )


def test_connections_without_a_request_make_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 3)
    with listening() as (_, _, port), ExitStack() as stack:
        resting = [stack.enter_context(connect(port)) for _ in range(3)]
        for connection in resting:
            connection.sendall(b"GET /describe HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_answer(connection).status == 200
        assert call(port, "/describe").status == 200
        assert is_ended(resting[0])


def test_more_connections_than_there_is_room_for_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 3)
    with listening() as (_, _, port), ThreadPoolExecutor(1) as pool:
        silent = [connect(port) for _ in range(3)]
        eventually(lambda: established(port) == 3, "all are accepted")
        waiting = pool.submit(call, port, "/describe")
        assert not waiting.done()
        for connection in silent:
            connection.close()
        assert waiting.result().status == 200


def test_bodies_on_their_way_have_a_bound_together(port: int) -> None:
    head = b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MAX_BODY
    with ExitStack() as stack:
        stalled: list[socket.socket] = [stack.enter_context(connect(port)) for _ in range(4)]
        for connection in stalled:
            connection.sendall(head + bytes(MAX_BODY - 1))
        eventually(lambda: call(port, "/work", bytes(MAX_BODY)).status == 429, "no room is left")
        refused = call(port, "/work", bytes(MAX_BODY))
        assert refused.headers["retry-after"] == "1"
        assert call(port, "/work", b"x").status == 200
        for connection in stalled:
            connection.sendall(b"x")
        answers = [read_answer(connection).status for connection in stalled]
        assert answers == [200] * 4
    assert call(port, "/work", bytes(MAX_BODY)).status == 200


def test_callers_by_grpc_do_not_notice_slow_clients() -> None:
    with (
        listening() as (_, grpc_port, port),
        ExitStack() as stack,
        Client(f"{HOST}:{grpc_port}") as client,
    ):
        for number in range(100):
            connection = stack.enter_context(connect(port))
            connection.sendall(
                b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"[:number]
            )
        for _ in range(20):
            assert client.invoke("toy", "work", b"x").body
        assert call(port, "/work", b"x").status == 200


PARTS = st.sampled_from(
    [
        *(b"GET", b"POST", b"HEAD", b" ", b"/", b"/describe", b"/work", b"%00", b"?a=1", b"*"),
        *(b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r\n\r\n", b"Host: a", b": ", b"0", b"3"),
        *(b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"abc"),
        *(b"Connection: upgrade\r\nUpgrade: websocket", b"Connection: close", b"\x00", b"\xff"),
        b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ]
)


@settings(max_examples=200, deadline=None)
@given(sent=st.lists(PARTS | st.binary(max_size=8), max_size=20).map(b"".join))
def test_bytes_of_any_kind_are_never_the_services_fault(port: int, sent: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    assert not re.findall(rb"^HTTP/1.1 5\d\d", received, re.MULTILINE)


def test_after_all_that_the_service_answers(port: int) -> None:
    assert call(port, "/work", b"x").status == 200
