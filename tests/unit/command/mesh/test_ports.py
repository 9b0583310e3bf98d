"""Ports that are held are named before anything starts, with who holds them."""

import os
import socket
import sys

import pytest

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.ports import check_ports, free_ports, read_base


def test_a_base_is_read() -> None:
    assert read_base("4500") == 4500
    assert read_base("free") is None


@pytest.mark.parametrize("text", ["", "1023", "65436", "-1", "4500.0", "any"])
def test_what_is_no_base_is_refused(text: str) -> None:
    with pytest.raises(MeshError, match="free or a base from 1024 to 65435"):
        read_base(text)


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports()
    some = [next(ports) for _ in range(20)]
    assert len({*some}) == 20
    check_ports(dict.fromkeys(some, "a test"))


def test_who_asks_meanwhile_is_given_others() -> None:
    one, other = free_ports(), free_ports()
    ports = [next(each) for _ in range(20) for each in (one, other)]
    assert len({*ports}) == 40


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - as other programs do
def test_a_port_that_is_held_is_named_with_its_use_and_holder(address: str) -> None:
    free = next(free_ports())
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(MeshError) as caught:
            check_ports({free: "metrics of pca", port: "pca itself"})
    said = str(caught.value)
    assert said.startswith(f"port {port} (pca itself) must be free, but ")
    assert str(free) not in said
    assert "make run PORTS=free" in said
    if sys.platform == "linux":
        assert f"(pid {os.getpid()}) holds it" in said


def test_every_port_that_is_held_is_named() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        ports = [server.getsockname()[1] for server in (one, other)]
        with pytest.raises(MeshError, match=rf"port {ports[0]} .*not free either: {ports[1]}\)"):
            check_ports(dict.fromkeys(ports, "pca"))
