"""What `make run` refuses before it starts anything, and what to do about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "dapr_run.py"


@pytest.mark.parametrize(
    ("options", "env", "says"),
    [
        ([], {"MAX_BODY": "plenty"}, "MAX_BODY must be bytes, or a number with a unit (16Mi)"),
        (["--profile", "redis"], {"REDIS_HOST": "127.0.0.1:1"}, "start one (redis-server)"),
        (["--profile", "redis"], {"REDIS_HOST": "nowhere"}, "name another as REDIS_HOST=host:port"),
        ([], {"DAPR_BIN": "/nowhere"}, "name a folder with daprd and dapr, or unset it"),
    ],
)
def test_a_run_that_cannot_start_says_what_to_do(
    options: list[str], env: dict[str, str], says: str
) -> None:
    run = subprocess.run(
        [sys.executable, PROGRAM, *options],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert says in run.stderr
    assert "Traceback" not in run.stderr
