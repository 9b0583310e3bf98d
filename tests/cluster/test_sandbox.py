"""Nothing is left of a sandbox, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.programs import need_cluster, programs
from cluster.sandbox import Sandbox, SandboxError
from mesh import ROOT
from processes import eventually

# Ignores SIGTERM, in its own session, with its own mount.
DAEMON = """
trap '' TERM
mkdir /run/held && mount -t tmpfs tmpfs /run/held && cd /run/held
setsid sleep 1000 >/dev/null 2>&1 &
wait
"""
KILLED = """
import signal, sys
from pathlib import Path
from cluster.sandbox import Sandbox
with Sandbox(Path(sys.argv[1]), Path(sys.argv[2]), "meshlens-killed") as sandbox:
    sandbox.start("daemon", ["sh", "-c", sys.argv[3]])
    print(*sandbox.processes(), flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def pause() -> Path:
    need_cluster()
    return programs().kubernetes / "pause"


def mounts(folder: Path) -> list[str]:
    """The mounts in or from a folder, as this process sees them."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(folder) in line]


def test_a_failure_inside_leaves_nothing(pause: Path, tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, pause, "meshlens-test")

    def fail() -> None:
        with sandbox:
            sandbox.start("daemon", ["sh", "-c", DAEMON])
            eventually(lambda: "sleep" in names(sandbox), "the daemon runs")
            assert mounts(tmp_path) == []
            sandbox.run(["sh", "-c", "exit 3"])

    with pytest.raises(SandboxError, match="ended with 3"):
        fail()
    assert sandbox.processes() == []


def test_a_run_that_is_killed_leaves_no_process(pause: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "tools")])
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(pause), DAEMON],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.stdout is not None
    inside = [Path("/proc") / pid.decode() for pid in run.stdout.readline().split()]
    assert inside
    run.send_signal(signal.SIGKILL)
    run.communicate()
    eventually(lambda: not any(it.exists() for it in inside), "all that ran inside has ended")
    with Sandbox(tmp_path / "next", pause, "meshlens-killed") as sandbox:  # its groups are free
        assert names(sandbox) == {"unshare", pause.name}


def names(sandbox: Sandbox) -> set[str]:
    """The names of the programs inside."""
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in sandbox.processes()}
