"""Runs the programs in tests/clients, each with the client of another server as it is published.

No two of these clients can be installed, or imported, together, so each program names its own
dependencies, and a lock file beside it pins them.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "clients"
_SECONDS = 300.0  # the first run of a program installs what it needs


def run_client(name: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON object that the program prints for one on its standard input."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is missing; run the tests by make")
    # Variables of our own environment would lead uv back to it.
    own = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [uv, "run", "--quiet", "--frozen", "--script", str(FOLDER / f"{name}.py")],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=own,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
