"""What `meshlens up` refuses before it starts anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with programs of the right versions that cannot do anything."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("dapr", "daprd"):
        (folder / name).write_text("#!/bin/sh\necho 1.18.3\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("options", "env", "says"),
    [
        ([], {"MAX_BODY": "plenty"}, "MAX_BODY must be bytes, or a number with a unit (16Mi)"),
        (["--profile", "redis"], {"REDIS_HOST": "127.0.0.1:1"}, "start one (redis-server)"),
        (["--profile", "redis"], {"REDIS_HOST": "nowhere"}, "name another as REDIS_HOST=host:port"),
        ([], {"DAPR_BIN": "/nowhere"}, "name a folder with daprd and dapr, or unset it"),
        (["--ports", "some"], {}, "ports must be free or a base from 1024 to 65435, got 'some'"),
        (["--ports", "80"], {}, "ports must be free or a base from 1024 to 65435, got '80'"),
    ],
)
def test_a_run_that_cannot_start_says_what_to_do(
    programs: Path, tmp_path: Path, options: list[str], env: dict[str, str], says: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "meshlens.command", "up", "--folder", tmp_path, *options],
        env={**os.environ, "DAPR_BIN": str(programs), **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert says in run.stderr
    assert "Traceback" not in run.stderr
