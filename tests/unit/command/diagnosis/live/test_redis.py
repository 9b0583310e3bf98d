"""A Redis is asked what it keeps; whatever answers in its place is refused with a reason."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from installed import need
from processes import Process, eventually, free_ports, is_listening

from meshlens.command.diagnosis.live.redis import RedisRefusal, examine_redis
from meshlens.command.mesh.broker import Broker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis with a password and a log of what it is told."""
    program = need("redis-server", "apt-get install redis-server")
    port = next(free_ports())
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", "a b"]
    kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "60 1"]
    running = Process("redis", [program, *flags, *kept], folder=tmp_path, env=os.environ)
    eventually(lambda: is_listening(port), "redis-server listens")
    yield f"127.0.0.1:{port}"
    running.kill()


@pytest.mark.slow
def test_its_settings_and_its_clock_are_read(server: str) -> None:
    answers = examine_redis(server, password="a b", user="default")
    assert answers.settings == {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "60 1",
        "maxmemory-policy": "noeviction",
    }
    assert abs(answers.ahead) < 60, "the same host's clock, on a busy machine"


@pytest.mark.slow
def test_a_password_that_is_missing_is_said(server: str) -> None:
    with pytest.raises(RedisRefusal, match="it says: NOAUTH"):
        examine_redis(server)


@pytest.mark.slow
def test_a_broker_at_a_socket_is_asked(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "log.txt")
    broker.start()
    try:
        assert examine_redis(broker.address).settings["save"] == ""
    finally:
        broker.close()


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that sends this, whatever it is told, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client, suppress(OSError):  # it has heard enough
                client.recv(4096)
                client.sendall(answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "ended early"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "expected an answer of Redis, got 'HTTP/1.1"),
        (b"*-1\r\n", "not enough values"),
        (b"*2\r\n$3\r\n123", "ended early"),
        (b"$999999999\r\n", "longer answer"),
        (b"*999999999\r\n", "longer answer"),
        (b"*x\r\n", "invalid literal"),
        (b"x" * 200_000, "too long"),
        (b"*1\r\n" * 20_000, "recursion|too long"),
        (b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n", "ended early"),
        (b"\xff\r\n", "expected an answer of Redis"),
    ],
)
def test_what_is_no_redis_is_refused(answer: bytes, says: str) -> None:
    with answering(answer) as address, pytest.raises(RedisRefusal, match=says):
        examine_redis(address)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "a:b", "/nowhere:6379"])
def test_nobody_there_is_said(address: str) -> None:
    with pytest.raises(RedisRefusal):
        examine_redis(address)
