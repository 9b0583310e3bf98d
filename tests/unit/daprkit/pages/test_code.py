"""Code to copy makes the call that it stands for, whatever files and options are called."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from pathlib import Path

import pytest
from http_site import serve
from installed import need

# Each starts another program.
pytestmark = pytest.mark.slow

LANGUAGES = ("curl", "Python", "Node")
NAME = 'it\'s "my" $HOME `id` \\ \u00fc.csv'
BODY = b"a,b\r\n1,2\n"
QUERY = "group=it%27s+%24HOME&alpha=0.5"


@dataclass
class Site:
    """A server that answers everything and keeps what it was sent."""

    address: str
    calls: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = {name.lower(): value for name, value in self.headers.items()}
            running.calls.append((self.command, self.path, sent, body))
            answer = BODY if self.path == "/sample" else b'{"fine": true}'
            if self.path == "/refused":
                answer = b'{"message": "expected another"}'
            self.send_response(400 if self.path == "/refused" else 200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - the name by which http.server finds it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with serve(Handler) as port:
        running = Site(f"http://127.0.0.1:{port}")
        yield running


def write(language: str, call: Mapping[str, object]) -> str:
    """Return what the panel shows for a call."""
    source = (files("meshlens.daprkit.pages") / "code.js").read_text("utf-8")
    # Only the panel itself needs a document.
    program = f"{source}\nconsole.log(LANGUAGES[{json.dumps(language)}]({json.dumps(call)}));"
    node = need("node", "apt-get install nodejs")
    command = [node, "--input-type=module", "--eval", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def run(language: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    commands = {
        "curl": ["bash", "-c", code],
        "Python": [sys.executable, "-c", code],
        "Node": ["node", "--input-type=module", "--eval", code],
    }
    if language == "curl":
        need("curl", "apt-get install curl")
    return subprocess.run(
        commands[language], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_sent_as_it_is_and_the_answer_written(
    site: Site, tmp_path: Path, language: str
) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    call = {
        "address": f"{site.address}/plot?{QUERY}",
        "input": {"file": NAME},
        "type": "text/csv",
        "accept": "image/svg+xml",
        "output": "the plot.svg",
    }
    done = run(language, write(language, call), tmp_path)
    assert done.returncode == 0, done.stderr
    ((verb, path, headers, body),) = site.calls
    assert (verb, path, body) == ("POST", f"/plot?{QUERY}", BODY)
    assert (headers["content-type"], headers["accept"]) == ("text/csv", "image/svg+xml")
    assert (tmp_path / "the plot.svg").read_bytes() == b'{"fine": true}'


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_is_fetched_first_and_the_answer_printed(
    site: Site, tmp_path: Path, language: str
) -> None:
    sample = {"address": f"{site.address}/sample"}
    call = {"address": f"{site.address}/fit", "input": sample, "type": "text/csv"}
    done = run(language, write(language, call), tmp_path)
    assert json.loads(done.stdout) == {"fine": True}
    assert [(verb, path) for verb, path, *_ in site.calls] == [("GET", "/sample"), ("POST", "/fit")]
    assert site.calls[1][3] == BODY


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_method_without_input_is_read(site: Site, tmp_path: Path, language: str) -> None:
    done = run(language, write(language, {"address": f"{site.address}/list"}), tmp_path)
    assert json.loads(done.stdout) == {"fine": True}
    assert [(verb, body) for verb, _, _, body in site.calls] == [("GET", b"")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_is_shown(site: Site, tmp_path: Path, language: str) -> None:
    done = run(language, write(language, {"address": f"{site.address}/refused"}), tmp_path)
    assert "expected another" in done.stdout + done.stderr
