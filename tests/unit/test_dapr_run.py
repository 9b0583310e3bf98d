"""What `make run` starts the sidecars with, and what it refuses before it starts anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dapr_run import run_file

from meshlens.daprkit.settings import MIB

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "dapr_run.py"


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("limit", "sidecars"), [("32Mi", 64 * MIB), ("1000000", 2_000_000), ("1 GiB", 2048 * MIB)]
)
def test_the_sidecars_limit_is_twice_max_body(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, sidecars: int
) -> None:
    monkeypatch.setenv("MAX_BODY", limit)
    assert run_file("embedded", tmp_path)["common"]["maxBodySize"] == str(sidecars)
