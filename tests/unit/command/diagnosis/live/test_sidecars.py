"""What answers in the place of a sidecar is refused; what cannot be seen is said."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from meshlens.command.diagnosis.errors import DiagnosisError
from meshlens.command.diagnosis.examination import examine
from meshlens.command.diagnosis.live.processes import Process
from meshlens.command.diagnosis.live.sidecars import ask_sidecars


@contextmanager
def answering(status: str, body: bytes, *headers: str) -> Iterator[str]:
    """The address of a server that answers one request with this."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "connection: close", "", ""])
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                try:
                    client.sendall(head.encode() + body)
                except OSError:
                    return  # it has heard enough

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        ("200 OK", b"<html>", "Expecting value"),
        ("200 OK", b"[]", "got another's"),
        ("200 OK", b"{}", "got another's"),
        ("404 Not Found", b'{"id": "x"}', "got another's"),
        ("401 Unauthorized", b"", "expects a token; set DAPR_API_TOKEN"),
        ("200 OK", b" " * (5 * 1024 * 1024), "too long"),
        ("200 OK", b"[" * 100_000, "expected a sidecar at"),
        ("200 OK", b"\xff", "can't decode"),
        ("999", b"", "expected a sidecar at"),
    ],
)
def test_what_is_no_sidecar_is_refused(status: str, body: bytes, says: str) -> None:
    with answering(status, body) as address, pytest.raises(DiagnosisError, match=says):
        ask_sidecars([address])


def test_a_sidecar_whose_process_is_not_seen_is_judged_by_what_it_says() -> None:
    late = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    said = {
        "id": "classify",
        "runtimeVersion": "1.18.1",
        "components": [{"name": "pubsub", "type": "pubsub.redis"}],
        "appConnectionProperties": {"port": 1, "protocol": "grpc", "maxConcurrency": 2},
    }
    with answering("200 OK", json.dumps(said).encode(), f"date: {late}") as address:
        gathered = ask_sidecars([address])
    assert [it.check.id for it in examine(gathered.scopes)] == [
        "missing-component",
        "runtime-version",
        "app-max-concurrency",
        "health-check",
        "clock",
    ]
    assert [note.partition(": ")[2] for note in gathered.notes] == [
        "limits, shutdown and files, since its process is not on this host or another user's",
        "the settings of classify, since its process is not to be seen; the defaults are assumed",
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 1, "components": "none", "appConnectionProperties": []},
        {"id": "pca", "appConnectionProperties": {"port": "x", "health": 1}},
        {"id": "pca", "subscriptions": [1, {}], "workflows": 3, "runtimeVersion": ["1.18.1"]},
        {"id": None, "components": [None, {"name": {}}]},
    ],
)
def test_odd_metadata_crash_nothing(odd: object) -> None:
    with answering("200 OK", json.dumps(odd).encode(), "date: yesterday") as address:
        examine(ask_sidecars([address]).scopes)


def test_flags_are_read_with_and_without_values() -> None:
    words = ["daprd", "--app-id", "pca", "--on", "--max-body-size=8Mi", "-x", "1", "rest", "--last"]
    process = Process(words, {}, Path("/"))
    assert dict(process.flags()) == {
        "app-id": "pca",
        "on": "true",
        "max-body-size": "8Mi",
        "x": "1",
        "last": "true",
    }
