"""A service that ends answers what it was asked by HTTP, and refuses the rest; it loses nothing."""

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from contract.daprkit.http_calls import (
    HOST,
    PATIENCE,
    call,
    call_on,
    connect,
    listening,
    read_answer,
)
from contract.daprkit.toy import Gate, serving
from processes import free_ports

from meshlens.daprkit.errors import CannotListen

CALLERS = 8
STOPS = 5
MORE = 20


def test_what_has_begun_is_answered_while_what_comes_late_is_refused(gate: Gate) -> None:
    with listening() as (server, _, port), ThreadPoolExecutor(3) as pool:
        begun = pool.submit(call, port, "/gate", b"begun")
        gate.await_begun(1)
        resting = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        assert call_on(resting, "/describe").status == 200
        server.hold_late_calls()
        late = pool.submit(call, port, "/gate", b"late")
        later = pool.submit(call_on, resting, "/gate", b"later")
        stopping = threading.Thread(target=server.stop)
        assert not late.done()
        stopping.start()
        for one in (late, later):
            refused = one.result(PATIENCE)
            assert (refused.status, refused.json()["code"]) == (503, 14)
            assert refused.headers["connection"] == "close"
            assert refused.headers["retry-after"] == "1"
        assert not begun.done()
        gate.open.set()
        answer = begun.result(PATIENCE)
        assert (answer.status, answer.body) == (200, b"through")
        stopping.join(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        resting.close()
    assert gate.begun == ["begun"]


def test_a_body_on_its_way_is_refused_not_lost() -> None:
    with listening() as (server, _, port), connect(port) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        server.hold_late_calls()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        connection.sendall(b"yyyyyyyy")
        assert read_answer(connection).status in (200, 503)
        stopping.join(PATIENCE)


def test_work_beyond_the_grace_is_cut_off_with_an_answer(gate: Gate) -> None:
    with listening(stop_grace=0.2) as (server, _, port), ThreadPoolExecutor(1) as pool:
        begun = pool.submit(call, port, "/gate", b"begun")
        gate.await_begun(1)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert begun.result(PATIENCE).status == 503
        gate.open.set()
        stopping.join(PATIENCE)


def keep_calling(port: int, answered: Callable[[], object], *, anew: bool) -> list[str]:
    """Return what came of all calls: up to the first that was not answered, and some more."""
    outcomes: list[str] = []
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    while len(outcomes) - outcomes.count("200") < MORE:
        try:
            outcomes.append(str(call_on(connection, "/work", b"x").status))
        except ConnectionRefusedError:
            outcomes.append("refused")
            connection.close()
        else:
            answered()
        if anew:
            connection.close()
    connection.close()
    return outcomes


@pytest.mark.parametrize("anew", [False, True])
def test_callers_that_hammer_a_stopping_server_are_answered_or_refused(anew: bool) -> None:  # noqa: FBT001 - pytest's
    for _ in range(STOPS):
        with (
            listening(workers=2, queue_per_worker=CALLERS) as (server, _, port),
            ThreadPoolExecutor(CALLERS) as pool,
        ):
            answers = threading.Semaphore(0)
            callers = [
                pool.submit(keep_calling, port, answers.release, anew=anew) for _ in range(CALLERS)
            ]
            for _ in range(3 * CALLERS):
                assert answers.acquire(timeout=PATIENCE)
            server.drain()
            server.hold_late_calls()
            server.stop()
            outcomes = {one for caller in callers for one in caller.result()}
            assert outcomes <= {"200", "503", "refused"}
            assert "200" in outcomes


def test_a_port_in_use_is_named() -> None:
    with (
        listening() as (_, _, port),
        pytest.raises(CannotListen, match=rf"port {port}.*HTTP_PORT"),
        serving(http_port=port),
    ):
        pass


def test_without_a_port_nothing_listens() -> None:
    port = next(free_ports())
    with serving(), pytest.raises(ConnectionRefusedError):
        connect(port)
