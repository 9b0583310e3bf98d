"""`make demo` and `make run` show what they promise and leave nothing behind."""

import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mesh import ROOT
from processes import eventually, running_in
from sockets import is_loopback, listening

PLOT = ROOT / "out" / "iris.svg"


def start(target: str, folder: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        # A shell starts what it puts into the background deaf to SIGINT, and so are its children.
        ["/usr/bin/env", "--default-signal=INT", "make", target],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def promised_output() -> list[str]:
    """The last lines of the demo according to the README."""
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"and ends with\n\n```text\n(.*?)```", readme, re.DOTALL)
    return [line.strip() for line in block.splitlines()]


def test_make_demo_shows_plot_label_and_events(tmp_path: Path) -> None:
    PLOT.unlink(missing_ok=True)
    demo = start("demo", tmp_path)
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output
    for line in promised_output():
        assert line in output
    assert PLOT.read_bytes() == (ROOT / "docs" / "iris.svg").read_bytes(), "the README's picture"
    eventually(lambda: not running_in(tmp_path), "nothing of the mesh runs", within=5)


def test_a_demo_that_is_stopped_half_way_leaves_no_process(tmp_path: Path) -> None:
    demo = start("demo", tmp_path)
    eventually(lambda: len(running_in(tmp_path)) >= 4, "sidecars and services run", within=60)
    os.killpg(demo.pid, signal.SIGINT)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode != 0
    assert "Traceback" not in output
    eventually(lambda: not running_in(tmp_path), "nothing of the mesh runs", within=5)


def test_a_demo_that_cannot_start_says_what_to_do(tmp_path: Path) -> None:
    demo = start("demo", tmp_path, DAPR_BIN="/nowhere")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode != 0
    assert "DAPR_BIN=/nowhere holds no daprd; name a folder" in output
    assert "Traceback" not in output


TOKENS = {"DAPR_API_TOKEN": "of-the-sidecars", "APP_API_TOKEN": "of-the-services"}


@pytest.mark.parametrize("tokens", [{}, TOKENS], ids=["open", "guarded"])
def test_make_run_prints_addresses_that_answer_this_host_until_it_is_stopped(
    tmp_path: Path, tokens: dict[str, str]
) -> None:
    run = start("run", tmp_path, **tokens)
    assert run.stdout is not None
    said = ""
    try:
        for line in run.stdout:
            said += line
            if line.startswith("Sidecars:"):
                break
        if "must be free" in said:
            pytest.skip("another program holds one of the ports of dapr.yaml")
        commands = re.findall(r"curl .*@(\S+) (http://\S+)", said)
        assert len(commands) == 2, said
        points, url = commands[0]
        token = {"dapr-api-token": tokens["DAPR_API_TOKEN"]} if tokens else {}
        answer = urllib.request.urlopen(  # noqa: S310 - our own sidecar
            urllib.request.Request(url, (ROOT / points).read_bytes(), token)  # noqa: S310 - as above
        )
        with answer:
            assert b"<svg" in answer.read()
        sockets = listening(run.pid)
        assert set(run_file_ports()) <= set(sockets)
        assert [port for port, ip in sockets.items() if not is_loopback(ip)] == []
    finally:
        os.killpg(run.pid, signal.SIGINT)
        rest, _ = run.communicate(timeout=60)
    assert "The mesh has stopped." in rest
    assert not any(token in said + rest for token in tokens.values())


def run_file_ports() -> Iterator[int]:
    """Every port that dapr.yaml names."""
    for app in yaml.safe_load((ROOT / "dapr" / "dapr.yaml").read_text())["apps"]:
        yield from (port for name, port in app.items() if name.endswith("Port"))
        yield app["env"]["METRICS_PORT"]
