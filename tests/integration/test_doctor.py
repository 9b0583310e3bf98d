"""`meshlens doctor` at sidecars that run: nothing in what ships, each wrong flag by name."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from documents import block
from mesh import Mesh, Profile


@pytest.fixture(scope="module")
def wrong_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A service whose sidecar has flags that it must not have."""
    flags = ["--app-max-concurrency", "5", "--max-body-size=8Mi", "--read-buffer-size", "4Ki"]
    folder = tmp_path_factory.mktemp("wrong")
    with Mesh(Profile.EMBEDDED, folder, services=["pca"], sidecar_flags=flags) as running:
        yield running


def diagnose(command: str, **env: str) -> "subprocess.CompletedProcess[str]":
    program, *words = shlex.split(command)
    assert program == "meshlens"
    return subprocess.run(
        [sys.executable, "-m", "meshlens.command", *words],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nothing_is_found_at_the_sidecars_of_a_mesh(each_mesh: Mesh) -> None:
    if each_mesh.profile is Profile.REDIS:
        redis.Redis(port=each_mesh.redis_port).config_set("appendonly", "yes")
    command = block("docs/doctor.md", "--sidecar http://localhost:3501")
    for port, service in ((3501, "pca"), (3502, "classify")):
        command = command.replace(str(port), str(each_mesh.http_port(service)))
    done = diagnose(command)
    assert done.stdout.endswith("Nothing found.\n"), done
    assert done.returncode == 0
    assert "not checked" not in done.stdout, "it has seen the flags, the files and the broker"
    if each_mesh.profile is Profile.EMBEDDED:
        assert "ignored broker-persistence" in done.stdout


def test_a_redis_that_forgets_is_found(each_mesh: Mesh) -> None:
    if each_mesh.profile is Profile.REDIS:
        redis.Redis(port=each_mesh.redis_port).config_set("appendonly", "no")
        done = diagnose(f"meshlens doctor --sidecar {each_mesh.http('pca')}")
        assert done.returncode == 1
        assert "warning broker-persistence: " in done.stdout
        assert "1 found: 0 errors, 1 warnings.\n" in done.stdout


def test_each_wrong_flag_is_found(wrong_mesh: Mesh) -> None:
    done = diagnose("meshlens doctor", DAPR_HTTP_PORT=str(wrong_mesh.http_port("pca")))
    assert done.returncode == 1
    titles = [line.partition(":")[0] for line in done.stdout.splitlines() if line[:1] != " "]
    found = [title for title in titles if title.startswith(("error ", "warning "))]
    assert found == ["error app-max-concurrency", "error body-limit", "warning read-buffer"]
    address = wrong_mesh.http("pca")
    assert f"{address} Sidecar appConnectionProperties.maxConcurrency: " in done.stdout
    assert f"{address} Sidecar --max-body-size: " in done.stdout


def test_files_are_compared_with_what_runs(wrong_mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "pubsub.yaml").write_text("kind: Component\nspec: {type: pubsub.in-memory}\n")
    done = diagnose(f"meshlens doctor {tmp_path} --sidecar {wrong_mesh.http('pca')}")
    assert "error in-memory-broker" in done.stdout
    assert "error body-limit" in done.stdout
