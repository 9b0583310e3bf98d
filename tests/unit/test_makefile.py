"""What `make setup` installs into the Python environment."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def syncs_tensorflow(environment: Path, *variables: str) -> bool:
    named = {"CI", "MAKEFLAGS", "TENSORFLOW"}  # set by the make that runs the tests
    env = {name: value for name, value in os.environ.items() if name not in named}
    done = subprocess.run(
        ["/usr/bin/env", "make", "--dry-run", "setup", *variables],
        cwd=ROOT,
        env=env | {"UV_PROJECT_ENVIRONMENT": str(environment)},
        capture_output=True,
        check=True,
    )
    assert b"sync --frozen" in done.stdout
    return b"--group train" in done.stdout


def test_tensorflow_stays_until_it_is_taken_out(tmp_path: Path) -> None:
    assert not syncs_tensorflow(tmp_path)
    assert syncs_tensorflow(tmp_path, "TENSORFLOW=1")
    (tmp_path / "lib/python3.11/site-packages/tensorflow-2.0.dist-info").mkdir(parents=True)
    assert syncs_tensorflow(tmp_path)
    assert not syncs_tensorflow(tmp_path, "TENSORFLOW=")
    assert syncs_tensorflow(tmp_path, "TENSORFLOW=", "CI=1")
