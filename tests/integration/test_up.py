"""`meshlens up` from any folder: its mesh can be joined, has neighbours, and needs no network."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dapr_run import dapr_runtime
from mesh import ROOT
from processes import eventually, free_ports, running_in

# Calls both services through its own sidecar, and says what it got.
APP = """
import os, urllib.request
mesh = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/invoke"
for address, body in (("pca/method/plot", b"1,2,3,5,4,4,9,1"), ("classify/method/models", None)):
    with urllib.request.urlopen(f"{mesh}/{address}", body) as answer:
        print("joined:", address, answer.status, answer.headers["content-type"])
"""
# Starts when the mesh does, so it calls until it is answered.
PATIENT_APP = """
import os, pathlib, time, urllib.request
mesh = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/invoke"
while True:
    try:
        answer = urllib.request.urlopen(f"{mesh}/pca/method/plot", b"1,2,3,5,4,4,9,1")
    except OSError:
        time.sleep(0.2)
        continue
    part = pathlib.Path("calls.part")
    part.write_text(f"joined: {answer.headers['content-type']}")
    part.rename("calls.txt")
    break
"""


@dataclass
class Up:
    """A mesh that has come up, and what it said."""

    process: subprocess.Popen[str]
    said: str

    @property
    def join_line(self) -> str:
        (line,) = re.findall(
            r"^  (\S*dapr run --app-id yours .*) -- python app.py$", self.said, re.MULTILINE
        )
        return str(line)

    @property
    def pages(self) -> dict[str, str]:
        return dict(re.findall(r"^  (pca|classify) +(http://\S+)$", self.said, re.MULTILINE))


@contextmanager
def up(folder: Path, *options: str, before: Sequence[str] = ()) -> Iterator[Up]:
    """`meshlens up` in a folder, on free ports, until the context is left."""
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "meshlens.command", "up", "--ports", "free", *options],
        cwd=folder,
        env={
            **os.environ,
            "DAPR_BIN": str(dapr_runtime() / ".dapr" / "bin"),
            "XDG_STATE_HOME": str(folder / "state"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if line.startswith("Sidecars:"):
                break
        else:
            pytest.fail(said)
        yield Up(process, said)
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert "The mesh has stopped." in rest
    assert process.returncode == 0
    eventually(lambda: not running_in(folder), "nothing of the mesh runs", within=5)


def fetch(address: str) -> str:
    done = subprocess.run(
        [shutil.which("curl") or "curl", "-sS", "--fail-with-body", address],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_an_app_in_a_folder_of_its_own_joins_by_the_line_that_is_printed(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "a mesh", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (elsewhere / "app.py").write_text(APP)
    # Dapr's CLI picks each port for itself, now and then one port for two purposes.
    http, grpc, metrics = (port for port, _ in zip(free_ports(), range(3), strict=False))
    ports = f"--dapr-http-port {http} --dapr-grpc-port {grpc} --metrics-port {metrics}"
    with up(home) as mesh:
        for name, page in mesh.pages.items():
            assert "<html" in fetch(page), name
        joined = subprocess.run(
            ["/bin/sh", "-c", f"{mesh.join_line} {ports} -- {sys.executable} app.py"],
            cwd=elsewhere,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "joined: pca/method/plot 200 image/svg+xml" in joined.stdout, joined.stdout
    assert "joined: classify/method/models 200 application/json" in joined.stdout
    assert "level=error" not in joined.stdout
    assert not (elsewhere / ".dapr").exists()
    assert list((home / "state/meshlens/.dapr").iterdir()) == [], "free ports leave nothing"


def test_an_app_in_a_run_file_runs_in_the_mesh(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "app.py").write_text(PATIENT_APP)
    app = f"appID: mine, command: [{sys.executable}, app.py]"
    (mine / "mine.yaml").write_text(f"apps: [{{{app}}}]\n")
    with up(tmp_path, "--join", "mine/mine.yaml") as mesh:
        assert "State is scoped to pca, classify, mine;" in mesh.said
        calls = mine / "calls.txt"
        eventually(calls.exists, "the app has called both services", within=60)
        assert calls.read_text() == "joined: image/svg+xml"


def test_two_meshes_run_side_by_side(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    same = ("--folder", str(tmp_path / "meshes"))
    with up(folders[0], *same) as one, up(folders[1], *same) as other:
        assert {*one.pages.values()}.isdisjoint(other.pages.values())
        for page in (*one.pages.values(), *other.pages.values()):
            assert "<html" in fetch(page)


def test_a_port_that_is_held_is_said_before_anything_starts(tmp_path: Path) -> None:
    with up(tmp_path) as mesh:
        (held,) = re.findall(r"pca http://127.0.0.1:(\d+)", mesh.said)
        second = subprocess.run(
            [sys.executable, "-m", "meshlens.command", "up", "--ports", str(int(held) - 1)],
            cwd=ROOT,
            env={
                **os.environ,
                "DAPR_BIN": str(dapr_runtime() / ".dapr" / "bin"),
                "XDG_STATE_HOME": str(tmp_path / "second"),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert second.returncode == 1
    assert f"port {held} (HTTP of the sidecar of pca) must be free, but daprd" in second.stderr
    assert second.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take the network away")
def test_a_mesh_comes_up_without_a_network(tmp_path: Path) -> None:
    alone = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    with up(tmp_path, before=alone) as mesh:
        assert {*mesh.pages} == {"pca", "classify"}


def test_the_demo_runs_in_any_folder(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "meshlens.command", "demo"],
        cwd=tmp_path,
        env={
            **os.environ,
            "DAPR_BIN": str(dapr_runtime() / ".dapr" / "bin"),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    assert "event: pca/plot OK" in demo.stdout
    assert "event: classify/classify OK" in demo.stdout
    assert (tmp_path / "iris.svg").read_bytes() == (ROOT / "docs" / "iris.svg").read_bytes()
    eventually(lambda: not running_in(tmp_path), "nothing of the mesh runs", within=5)


def test_with_http_the_services_answer_themselves_and_by_names_of_their_own(
    tmp_path: Path,
) -> None:
    with up(tmp_path, "--http") as mesh:
        said = re.findall(r"^  (\S+)-rest +http://(\S+) +http://(\S+)$", mesh.said, re.MULTILINE)
        assert [app for app, _, _ in said] == ["pca", "classify"]
        for _, *addresses in said:
            for address in addresses:
                with pytest.raises(urllib.error.HTTPError) as refusal:
                    urllib.request.urlopen(f"http://{address}/nothing")
                assert refusal.value.code == 404
                assert refusal.value.headers["content-type"] == "application/json"
                refusal.value.close()
