import socket

import pytest
from processes import free_ports

from meshlens.daprkit.sidecar.reach import listens


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "localhost:{}", "dns:///127.0.0.1:{}"])
def test_whether_something_listens(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listens(form.format(server.getsockname()[1]))
    assert not listens(form.format(next(free_ports())))


@pytest.mark.skipif(not socket.has_ipv6, reason="this host has no IPv6")
def test_an_address_in_brackets() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert listens(f"[::1]:{server.getsockname()[1]}")


@pytest.mark.parametrize("address", ["unix:/run/dapr.sock", "xds:///pca", "host", "host:grpc"])
def test_what_cannot_be_told_counts_as_listening(address: str) -> None:
    assert listens(address)
