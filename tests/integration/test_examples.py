"""Every caller in examples/ runs against the real mesh and gets the same answers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed import need
from mesh import ROOT, Mesh
from processes import free_ports

EXAMPLES = ROOT / "examples"
FILES = (EXAMPLES / "points" / "iris.csv", ROOT / "services/classify/samples/coffee.jpg")


def run(mesh: Mesh, *command: str | Path, folder: Path = ROOT) -> list[str]:
    """Run a caller at pca's sidecar; return the lines it prints."""
    caller = subprocess.run(
        [*command, *FILES],
        cwd=folder,
        env={
            **os.environ,
            "DAPR_HTTP_PORT": str(mesh.http_port("pca")),
            "DAPR_GRPC_PORT": str(mesh.grpc_port("pca")),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert caller.returncode == 0, caller.stdout + caller.stderr
    return caller.stdout.splitlines()


@pytest.fixture(scope="module")
def plot(mesh: Mesh) -> str:
    """The line that every example prints about the plot, from an answer of our own."""
    answer = mesh.call(
        "classify", "pca", "plot", FILES[0].read_bytes(), headers={"content-type": "text/csv"}
    )
    assert answer.status == 200, answer.text
    return f"plot: image/svg+xml, {len(answer.body)} bytes"


def test_curl(mesh: Mesh, plot: str) -> None:
    need("curl", "apt-get install curl")
    lines = run(mesh, EXAMPLES / "curl" / "call.sh")
    assert lines[0] == plot
    assert "It is very likely an espresso." in lines[1]


@pytest.mark.parametrize("program", ["with_dapr_client.py", "with_proxied_grpc.py"])
def test_python(mesh: Mesh, plot: str, program: str) -> None:
    lines = run(mesh, sys.executable, EXAMPLES / "python" / program)
    assert lines[0] == plot
    assert lines[1].startswith("label: espresso, p = ")


@pytest.mark.timeout(600)  # the first build fetches and compiles gRPC for Go
def test_go(mesh: Mesh, plot: str, tmp_path: Path) -> None:
    go = need("go", "https://go.dev/dl, version 1.26.6 or newer")
    program = tmp_path / "call"
    subprocess.run([go, "build", "-o", program, "."], cwd=EXAMPLES / "go", check=True)
    lines = run(mesh, program)
    assert lines[0] == plot
    assert lines[1].startswith("label: espresso, p = ")
    complains(program, *FILES)


def test_node(mesh: Mesh, plot: str, tmp_path: Path) -> None:
    npm, node = (need(program, "apt-get install nodejs npm") for program in ("npm", "node"))
    # A copy, so that node_modules stays out of the repository.
    folder = tmp_path / "node"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run([npm, "ci", "--silent"], cwd=folder, check=True)
    lines = run(mesh, node, "call.js", folder=folder)
    assert lines[0] == plot
    assert lines[1].startswith("label: espresso, p = ")
    complains(node, "call.js", *FILES, folder=folder)


def complains(*command: str | Path, folder: Path = ROOT) -> None:
    """Check that a caller without a mesh ends with one line that says so."""
    free = free_ports()
    ports = {name: str(next(free)) for name in ("DAPR_HTTP_PORT", "DAPR_GRPC_PORT")}
    caller = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **ports},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert caller.returncode == 1
    assert caller.stdout == ""
    (line,) = caller.stderr.splitlines()
    assert "refused" in line.lower() or "couldn't connect" in line.lower()


def build(program: str, tmp_path: Path) -> Path:
    """Build a program in Go outside the repository."""
    go = need("go", "https://go.dev/dl, version 1.26.6 or newer")
    built = tmp_path / "program"
    subprocess.run([go, "build", "-o", built, EXAMPLES / program], cwd=tmp_path, check=True)
    return built


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("curl/call.sh", FILES),
        ("gateway/forward.py", (EXAMPLES / "gateway" / "event.json",)),
        ("python/camera.py", (FILES[1].parent,)),
        ("python/with_dapr_client.py", FILES),
        ("python/with_proxied_grpc.py", FILES),
        ("tutorial/ask.py", ("135",)),
    ],
)
def test_without_a_mesh_a_caller_says_so_in_one_line(
    program: str, arguments: tuple[str | Path, ...]
) -> None:
    start = "bash" if program.endswith(".sh") else sys.executable
    complains(start, EXAMPLES / program, *arguments)


@pytest.mark.parametrize("program", ["go/app/main.go", "node/app.mjs", "python/app.py"])
def test_an_app_that_dapr_has_not_started_says_so_in_one_line(program: str, tmp_path: Path) -> None:
    path = EXAMPLES / program
    if path.suffix == ".go":
        command = [str(build(program, tmp_path))]
    elif path.suffix == ".mjs":
        command = [need("node", "apt-get install nodejs"), str(path)]
    else:
        command = [sys.executable, str(path)]
    app = subprocess.run(
        [*command, *FILES],
        env={name: value for name, value in os.environ.items() if name != "DAPR_HTTP_PORT"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (app.returncode, app.stdout) == (1, "")
    assert app.stderr == "DAPR_HTTP_PORT is not set; start this by dapr run, as the README says\n"


def test_the_lock_file_of_node_names_no_registry() -> None:
    assert '"resolved"' not in (EXAMPLES / "node" / "package-lock.json").read_text()
