"""An app in a folder of its own joins the mesh by the README's lines and receives its events."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from dapr_run import dapr_runtime
from installed import need
from mesh import ROOT
from processes import Process, eventually, free_ports, is_listening

README = (ROOT / "README.md").read_text()
SECTION = README[README.index("## From your own app") : README.index("## What to expect")]
(LINES,) = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
(SHOWN,) = re.findall(r"^```text\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
(PYTHON,) = re.findall(r"^  -- (.*)$", LINES, re.MULTILINE)
NODE, GO = re.findall(r"`((?:node|go run) [^`]+)`", SECTION)

# What `make run` does, on free ports, in the folder that the README calls ~/meshlens.
RUN = """
import signal, sys
from pathlib import Path
from meshlens.command.addresses import join_line
from meshlens.command.mesh.programs import find_programs
from meshlens.command.mesh.run import MeshRun

signal.signal(signal.SIGTERM, signal.default_int_handler)
folder, profile = sys.argv[1:]
with MeshRun(Path(folder), find_programs(), profile=profile, base=None) as run:
    print("joined by", join_line(run), flush=True)
    try:
        run.wait()
    except KeyboardInterrupt:
        pass
"""


class Clone:
    """A home with a clone in it where a mesh runs.

    Attributes:
        home: the home.
        join_line: what `make run` prints for apps that join.
    """

    def __init__(self, home: Path, profile: str, redis_host: str) -> None:
        self.home = home
        self.profile = profile
        clone = home / "meshlens"
        clone.mkdir()
        for name in ("examples", "services"):
            (clone / name).symlink_to(ROOT / name)
        env = {"DAPR_BIN": str(dapr_runtime() / ".dapr" / "bin"), "REDIS_HOST": redis_host}
        command = [sys.executable, "-c", RUN, str(clone), profile]
        self.mesh = Process("mesh", command, folder=home, env=os.environ | env)
        try:
            self.join_line = eventually(self._find_join_line, "the mesh is up", within=100)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the mesh."""
        self.mesh.terminate()
        self.mesh.wait(30)

    def run(self, command: str) -> str:
        """Run the README's lines, whose last one starts Python, with another command in them."""
        assert LINES.count(PYTHON) == LINES.count("--app-port 8000") == LINES.count("embedded") == 1
        lines = LINES.replace(PYTHON, command).replace("embedded", self.profile)
        # 8000 may be taken on this machine.
        lines = lines.replace("--app-port 8000", f"--app-port {next(free_ports())}")
        programs = [str(dapr_runtime() / ".dapr" / "bin"), str(Path(sys.executable).parent)]
        go = {} if command != GO else {"GOCACHE": output("go", "env", "GOCACHE")}
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", lines],
            cwd="/",
            env={
                **os.environ,
                **go,
                "HOME": str(self.home),
                "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.mesh.log()
        return done.stdout

    def _find_join_line(self) -> str:
        assert self.mesh.exit_code is None, self.mesh.log()
        return "".join(re.findall(r"^joined by (.*)$", self.mesh.log(), re.MULTILINE))


@pytest.fixture(scope="module", params=["embedded", "redis"])
def clone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clone]:
    """A mesh with each profile in turn."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        port = next(free_ports())
        if request.param == "redis":
            server = need("redis-server", "apt-get install redis-server")
            command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
            redis = Process("redis", command, folder=home, env=os.environ)
            stack.callback(redis.kill)
            eventually(lambda: is_listening(port), "redis-server listens")
        yield stack.enter_context(closing(Clone(home, request.param, f"127.0.0.1:{port}")))


def output(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def said_by_the_app(printed: str) -> list[str]:
    """The lines of the app itself, but for the last digits of a probability."""
    lines = [line for line in printed.splitlines() if line.startswith("== APP ==")]
    return [re.sub(r"(p = \d\.\d)\d*", r"\1", line) for line in lines]


@pytest.mark.parametrize("command", [PYTHON, NODE, GO], ids=["python", "node", "go"])
def test_an_app_anywhere_calls_both_services_and_receives_its_events(
    clone: Clone, command: str
) -> None:
    if command == NODE:
        need("node", "apt-get install nodejs")
    if command == GO:
        need("go", "https://go.dev/dl, version 1.26.6 or newer")
    assert said_by_the_app(clone.run(command)) == said_by_the_app(SHOWN)


def test_the_readmes_line_is_the_one_that_make_run_prints(clone: Clone) -> None:
    """But for the name, the port to listen on, the limit, the command and the place of the mesh."""
    (readmes,) = re.findall(r"^dapr run .*", LINES.replace("\\\n ", ""), re.MULTILINE)
    mesh = str(clone.home / "meshlens")
    said = clone.join_line.replace(mesh, "$mesh").replace(f"/{clone.profile}", "/embedded")
    said = re.sub(r" --max-body-size \S+", "", said).replace("--app-id yours", "--app-id mine")
    said = re.sub(r"^\S*dapr run", "dapr run", said).removesuffix(" -- python app.py")
    wanted = readmes.replace("--app-port 8000 ", "").removesuffix(f" -- {PYTHON}")
    assert said.split() == wanted.split()
