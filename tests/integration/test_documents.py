"""The blocks of the READMEs, of examples/ and of docs/events.md work as they are written."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import block
from installed import need, need_module
from mesh import ROOT, Mesh, Profile
from processes import Process, eventually, free_ports, is_listening

PCA_README = "services/pca/README.md"
CLASSIFY_README = "services/classify/README.md"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh that shows its events, as `make run` does."""
    env = {name: {"SHOW_EVENTS": "9"} for name in ("pca", "classify")}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as running:
        yield running


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that mirrors the repository and receives what the commands write."""
    for name in ("examples", "services"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def at(mesh: Mesh, text: str) -> str:
    """A block with the ports of a mesh instead of those of `make run`."""
    text = text.replace("localhost:3501", f"127.0.0.1:{mesh.http_port('pca')}")
    text = text.replace("localhost:3502", f"127.0.0.1:{mesh.http_port('classify')}")
    text = text.replace("127.0.0.1:3511", f"127.0.0.1:{mesh.grpc_port('pca')}")
    assert not re.search(r":35\d\d\b", text)
    return text


def run(commands: str, folder: Path) -> str:
    """Run commands as a terminal does, where the commands of this environment are found."""
    here = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join([here, os.environ["PATH"]])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readmes_calls(watched: Mesh, checkout: Path) -> None:
    need("curl", "apt-get install curl")
    calls = at(watched, block("README.md", "curl --data-binary"))
    printed = run(calls.replace("curl ", "curl --silent --fail "), checkout)
    assert (checkout / "iris.svg").read_text().startswith("<svg")
    assert '"label": "espresso"' in printed
    assert '"models"' in printed


def test_the_python_of_the_readme(watched: Mesh) -> None:
    program = at(watched, block("README.md", "import Client"))
    printed = run(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}", ROOT)
    assert '"label": "espresso"' in printed


def test_the_events_of_a_service_can_be_watched(watched: Mesh) -> None:
    need("curl", "apt-get install curl")
    assert watched.call("classify", "pca", "plot", b"1,2,3,5,4,4,9,1").status == 200
    shown = json.loads(run(at(watched, block("docs/events.md", "method/events")), ROOT))
    assert shown["events"][-1]["data"]["method"] == "plot"
    assert {"cursor", "missed"} <= shown.keys()


@pytest.mark.parametrize("document", ["README.md", "docs/api.md"])
def test_the_services_describe_themselves(watched: Mesh, document: str) -> None:
    need("curl", "apt-get install curl")
    for line in at(watched, block(document, "openapi.json")).splitlines():
        assert json.loads(run(line, ROOT))["openapi"].startswith("3.")


def test_the_commands_of_pca(tmp_path: Path) -> None:
    need_module("cairosvg", "uv sync")
    iris = ROOT / "services/pca/src/meshlens/pca/web/samples/iris.csv"
    for name in ("points.csv", "new.csv"):
        (tmp_path / name).write_bytes(iris.read_bytes())
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "iris.csv").write_bytes(iris.read_bytes())
    *commands, serve = block(PCA_README, "pca <").strip().splitlines()
    run("\n".join(commands), tmp_path)
    for name in ("plot.svg", "density.svg"):
        assert (tmp_path / name).read_text().startswith("<svg")
    assert json.loads((tmp_path / "model.json").read_text())["n"] == 150
    assert len((tmp_path / "scores.csv").read_text().splitlines()) >= 150
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")
    assert serve.startswith("APP_PORT=50051 python -m meshlens.pca")
    port = next(free_ports())
    serving = Process(
        "pca",
        [
            "/usr/bin/env",
            "bash",
            "-c",
            serve.replace("50051", str(port)).replace("python", sys.executable),
        ],
        folder=tmp_path,
        env=os.environ,
    )
    try:
        eventually(lambda: is_listening(port), "pca listens", within=60)
    finally:
        serving.kill()


def test_the_commands_of_classify(checkout: Path) -> None:
    """What each prints is shown below it."""
    assert check_commands(block(CLASSIFY_README, "$ classify <"), checkout) >= 3


def test_the_command_of_classify_for_many_pictures(checkout: Path) -> None:
    assert check_commands(block(CLASSIFY_README, "$ classify batch"), checkout) == 1
    answers = (checkout / "answers/results/00000.jsonl").read_text().splitlines()
    assert [json.loads(line)["picture"] for line in answers] == [
        *("camera.jpg", "chelsea.jpg", "coffee.jpg")
    ]


def check_commands(shown: str, folder: Path) -> int:
    """Run the commands of a block, which print what is shown below each; return how many."""
    commands = [line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ ")]
    for command in commands:
        (after,) = re.findall(rf"^\$ {re.escape(command)}\n((?:[^$].*\n)*)", shown, re.MULTILINE)
        assert after in run(command, folder)
    return len(commands)


def test_the_points_of_the_examples_are_those_of_scikit_learn(tmp_path: Path) -> None:
    command = block("examples/README.md", "load_iris")
    (tmp_path / "points").mkdir()
    run(command.replace("uv run python", shlex.quote(sys.executable)), tmp_path)
    written = (tmp_path / "points/iris.csv").read_bytes()
    assert written == (ROOT / "examples/points/iris.csv").read_bytes()


def test_the_camera_of_the_examples(watched: Mesh) -> None:
    command = block("examples/README.md", "camera.py").replace(
        "uv run python", f"DAPR_GRPC_PORT={watched.grpc_port('classify')} {sys.executable}"
    )
    published = run(command, ROOT / "examples").splitlines()
    pictures = {path.name for path in (ROOT / "services/classify/samples").glob("*.[pj][np]g")}
    assert {line.split()[1] for line in published} == pictures
