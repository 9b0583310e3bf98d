import os
import subprocess
import sys
from pathlib import Path

from processes import eventually, free_ports

# For a worker to end that looks for a sidecar.
PATIENCE = 20


def test_a_worker_whose_app_has_died_before_it_began_ends(tmp_path: Path) -> None:
    """It waits for another worker, and ends at once by SIGTERM while it does."""
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    log = tmp_path / "log.txt"
    env = {**os.environ, "DAPR_GRPC_PORT": str(next(free_ports()))}
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "meshlens.jobs", "worker", str(gone.pid)],
            cwd=tmp_path,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "the app has died" in log.read_text(), "it has seen that")
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_needs_the_id_of_its_app() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "meshlens.jobs", "worker"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "usage: python -m meshlens.jobs [worker PID]\n"
