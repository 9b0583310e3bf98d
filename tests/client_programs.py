"""Runs the programs of tests/clients, each in an environment of its own.

The packages of clients cannot be installed with the project's, nor with each other.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_client(script: str, *arguments: str, stdin: bytes = b"", seconds: float = 100) -> Any:  # noqa: ANN401 - JSON
    """Return what a program prints, as JSON; skip without uv, or where its packages are not.

    Args:
        script: its name, without its ending; the lock beside it says which packages it gets.
        arguments: of the program.
        stdin: what it reads.
        seconds: how long it may take, once its packages are there.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is missing: run the tests by make")
    path = ROOT / "tests/clients" / f"{script}.py"
    # What it shares with our service are the messages.
    env = {key: value for key, value in os.environ.items() if key != "APP_PORT"}
    env["PYTHONPATH"] = str(ROOT / "libs/daprkit/src")
    prepared = subprocess.run(
        [uv, "sync", "--frozen", "--quiet", "--script", str(path)],
        env=env,
        capture_output=True,
        check=False,
        timeout=600,
    )
    if b"Failed to fetch" in prepared.stderr or b"error sending request" in prepared.stderr:
        pytest.skip(f"no package registry can be reached:\n{prepared.stderr.decode()}")
    assert prepared.returncode == 0, prepared.stderr.decode()
    done = subprocess.run(
        [uv, "run", "--frozen", "--quiet", "--script", str(path), *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
