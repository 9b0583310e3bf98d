"""The registry of names: a host that renews its entry late is still found."""

import sqlite3
import time
from contextlib import closing

from mesh import Mesh

from meshlens.daprkit.client import Client

POINTS = b"1,2,3,5,4,4,9,1"
# Longer than a renewal may be delayed by default, shorter than dapr/config.yaml lets it be.
LOCKED_SECONDS = 8.0


def test_a_host_is_found_while_nobody_can_write_to_the_registry(mesh: Mesh) -> None:
    registry = mesh.folder / ".dapr" / "names.db"
    with (
        closing(sqlite3.connect(registry, timeout=10, isolation_level=None)) as database,
        Client(f"127.0.0.1:{mesh.grpc_port('classify')}") as client,
    ):
        database.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + LOCKED_SECONDS
        answers = 0
        while time.monotonic() < until:
            answers += bool(client.invoke("pca", "plot", POINTS, timeout=10).body)
        database.execute("ROLLBACK")
        # A renewal that failed in the meantime would show only now.
        until = time.monotonic() + LOCKED_SECONDS
        while time.monotonic() < until:
            answers += bool(client.invoke("pca", "plot", POINTS, timeout=10).body)
    assert answers
