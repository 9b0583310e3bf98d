"""One toy service for the tests of a module."""

from collections.abc import Iterator

import pytest
from contract.daprkit.toy import GATE, Gate, serving

from meshlens.daprkit.client import Client


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as (_, port):
        yield port


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    with Client(f"127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATE.close()
    yield GATE
    GATE.open.set()
