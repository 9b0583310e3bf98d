"""The broker of the embedded profile, as a real server."""

import os
import socket
from importlib import metadata
from pathlib import Path

import pytest

from meshlens.command.mesh import broker
from meshlens.command.mesh.broker import Broker
from meshlens.command.mesh.errors import MeshError

pytestmark = pytest.mark.slow


def ask(address: str, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)
        client.sendall(command + b"\r\n")
        return client.recv(4096)


def test_it_answers_at_an_address_that_is_for_the_user_only(tmp_path: Path) -> None:
    running = Broker(tmp_path / "broker.log")
    running.start()
    try:
        assert ask(running.address, b"PING") == b"+PONG\r\n"
        folder = Path(running.address).parent
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.stat().st_uid == os.geteuid()
        assert b"tcp_port:0" in ask(running.address, b"INFO server")
    finally:
        running.close()
    assert not folder.exists()
    running.close()  # twice is fine


def test_it_refuses_what_would_fill_the_memory(tmp_path: Path) -> None:
    running = Broker(tmp_path / "broker.log")
    running.start()
    try:
        assert b"1073741824" in ask(running.address, b"CONFIG GET maxmemory")
        ask(running.address, b"CONFIG SET maxmemory 1")
        assert ask(running.address, b"XADD results * data 1").startswith(b"-OOM")
    finally:
        running.close()


def test_two_are_apart(tmp_path: Path) -> None:
    one, other = Broker(tmp_path / "one.log"), Broker(tmp_path / "other.log")
    one.start()
    other.start()
    try:
        ask(one.address, b"XADD results * data 1")
        assert ask(one.address, b"XLEN results") == b":1\r\n"
        assert ask(other.address, b"XLEN results") == b":0\r\n"
    finally:
        one.close()
        other.close()


def test_what_to_do_without_its_package_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(broker, "files", missing)
    running = Broker(tmp_path / "broker.log")
    with pytest.raises(MeshError, match="install it, or take a Redis of your own: --profile redis"):
        running.start()
    assert not Path(running.address).parent.exists()
