import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from meshlens.command.jobs import main

ID, OTHER = "ab12" + "0" * 60, "ab34" + "0" * 60
JOB = {"id": ID, "kind": "pca-fit-1", "state": "running", "started": "2026-01-01T00:00:00Z"}
PROGRESS = {"stage": "moments", "done": 3, "of": 8, "failed": 1}


class Sidecar(BaseHTTPRequestHandler):
    """A sidecar with jobs behind it: answers each method from a table, and keeps the calls."""

    answers: dict[str, list[tuple[int, Any]]]
    calls: list[tuple[str, str, Any]]

    def do_GET(self) -> None:
        """Answer with the next of the method's answers, the last one again and again."""
        method = self.path.removeprefix("/v1.0/invoke/jobs/method/")
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        self.calls.append((self.command, method, json.loads(body) if body else None))
        answers = self.answers[method]
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Write nothing."""


@pytest.fixture
def sidecar() -> Iterator[tuple[type[Sidecar], str]]:
    class Own(Sidecar):
        answers: dict[str, list[tuple[int, Any]]] = {"list": [(200, {"jobs": [JOB]})]}  # noqa: RUF012 - its own class for each test
        calls: list[tuple[str, str, Any]] = []  # noqa: RUF012 - as above

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Own, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(url: str, *words: str) -> int:
    return main(["--sidecar", url, *words], prog="meshlens jobs")


def test_a_job_is_started_with_its_options(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    mesh.answers["start"] = [(200, {**JOB, "new": True})]
    assert run(url, "start", "pca-fit", "files=/a.csv", "k=3", "use=[1]", "--skip") == 0
    assert capsys.readouterr().out == f"{ID}\n"
    options = {"files": "/a.csv", "k": 3, "use": [1]}
    body = {"kind": "pca-fit", "options": options, "skip": True, "again": False}
    assert mesh.calls == [("POST", "start", body)]


def test_a_job_that_is_there_already_is_said_to_be(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    mesh.answers["start"] = [(200, {**JOB, "new": False})]
    assert run(url, "start", "pca-fit") == 0
    assert capsys.readouterr().err == "it is there already, and running\n"


def test_a_job_is_watched_to_its_end(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    failed = {**JOB, "state": "failed", "message": "a.csv, line 3"}
    mesh.answers[f"status/{ID}"] = [
        (200, {**JOB, "progress": PROGRESS}),
        (503, {"message": "away"}),
        (200, failed),
    ]
    assert run(url, "watch", "ab") == 1
    said = capsys.readouterr().err
    assert "moments, running" in said
    assert "3/8" in said
    assert "1 left out" in said
    assert said.endswith("failed: a.csv, line 3\n")
    mesh.answers[f"status/{ID}"] = [(200, {**JOB, "state": "completed"})]
    assert run(url, "watch", ID) == 0


def test_jobs_are_listed_with_how_far_they_are(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    mesh.answers["list"] = [(200, {"jobs": [{**JOB, "progress": PROGRESS}]})]
    assert run(url, "list") == 0
    line = capsys.readouterr().out
    assert line.startswith("ab1200000000  2026-01-01T00:00:00Z  pca-fit-1 ")
    assert line.endswith("running: moments 3 of 8, 1 left out\n")


@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
def test_a_job_is_changed_by_the_method_of_that_name(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    mesh, url = sidecar
    mesh.answers[f"{command}/{ID}"] = [(200, {**JOB, "state": "paused"})]
    assert run(url, command, ID[:6]) == 0
    assert capsys.readouterr().out == "paused\n"
    assert mesh.calls[-1][:2] == ("POST", f"{command}/{ID}")


def test_the_objects_of_a_result_are_fetched(
    sidecar: tuple[type[Sidecar], str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    mesh, url = sidecar
    mesh.answers[f"result/{ID}/results/00000.jsonl"] = [(200, b"\x00rows")]
    assert run(url, "result", ID, "results/00000.jsonl") == 0
    assert capfdbinary.readouterr().out == b"\x00rows"


def test_what_the_service_refuses_is_said_in_its_words(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    mesh.answers[f"purge/{ID}"] = [(400, {"code": 9, "message": "cancel it first"})]
    assert run(url, "purge", ID) == 2
    assert capsys.readouterr().err == "cancel it first\n"


def test_an_id_that_two_jobs_begin_with_is_refused(
    sidecar: tuple[type[Sidecar], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, url = sidecar
    mesh.answers["list"] = [(200, {"jobs": [JOB, {**JOB, "id": OTHER}]})]
    assert run(url, "status", "ab") == 2
    assert "got 'ab' of 2" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nowhere", "https://127.0.0.1"])
def test_a_sidecar_that_is_not_there_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(url, "list") == 2
    assert url in capsys.readouterr().err
