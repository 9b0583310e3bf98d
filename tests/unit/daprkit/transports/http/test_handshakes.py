import errno
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from meshlens.daprkit.transports.http.handshakes import stop_handshakes

PATIENCE = 20.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such filters")


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    host, family = request.param
    with socket.create_server((host, 0), family=family) as listening:
        listening.setblocking(False)  # noqa: FBT003 - socket takes it by position
        yield listening


def test_what_has_connected_before_is_accepted_and_heard(listening: socket.socket) -> None:
    with closing(socket.create_connection(listening.getsockname()[:2], PATIENCE)) as caller:
        assert stop_handshakes(listening)
        accepted, _ = listening.accept()
        with closing(accepted):
            accepted.settimeout(PATIENCE)
            caller.sendall(b"yes")
            assert accepted.recv(3) == b"yes"
            accepted.sendall(b"and no")
            assert caller.recv(6) == b"and no"


def test_what_connects_afterwards_is_refused_by_the_close_and_not_reset(
    listening: socket.socket,
) -> None:
    assert stop_handshakes(listening)
    with closing(socket.socket(listening.family)) as caller:
        caller.setblocking(False)  # noqa: FBT003 - socket takes it by position
        assert caller.connect_ex(listening.getsockname()) == errno.EINPROGRESS
        with pytest.raises(BlockingIOError):
            listening.accept()
        listening.close()
        _, ended, _ = select.select([], [caller], [], PATIENCE)
        assert ended
        assert caller.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
