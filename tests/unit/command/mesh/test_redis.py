"""A Redis that cannot be used is refused before anything starts."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed import need
from processes import Process, eventually, free_ports, is_listening

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.redis import check_redis

pytestmark = pytest.mark.slow


@pytest.fixture
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a Redis with the password that the test names."""
    server = need("redis-server", "apt-get install redis-server")
    port = next(free_ports())
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", request.param]
    running = Process("redis", [server, *flags], folder=tmp_path, env=os.environ)
    eventually(lambda: is_listening(port), "redis-server listens")
    yield f"127.0.0.1:{port}"
    running.kill()


@pytest.mark.parametrize(("redis", "password"), [("", ""), ("a b", "a b")], indirect=["redis"])
def test_one_that_answers_is_taken(redis: str, password: str) -> None:
    check_redis(redis, password)


@pytest.mark.parametrize(
    ("redis", "password", "says"),
    [
        ("secret", "", "NOAUTH Authentication required.; set REDIS_PASSWORD"),
        ("secret", "wrong", "WRONGPASS"),
        ("", "secret", "without any password configured"),
    ],
    indirect=["redis"],
)
def test_a_password_that_is_wrong_is_said(redis: str, password: str, says: str) -> None:
    with pytest.raises(MeshError, match=f"needs Redis at REDIS_HOST={redis}, which says: .*{says}"):
        check_redis(redis, password)


def test_nothing_there_is_said() -> None:
    with pytest.raises(MeshError, match=r"refused; start one \(redis-server\)"):
        check_redis(f"127.0.0.1:{next(free_ports())}", "")


@pytest.mark.parametrize("address", ["nowhere", "localhost:http", ""])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(MeshError, match="name another as REDIS_HOST=host:port"):
        check_redis(address, "")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_another_server_is_no_redis(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(MeshError, match="to PING, which is no Redis"):
            check_redis(f"127.0.0.1:{listening.getsockname()[1]}", "")
        server.join()
