"""Schemathesis calls what each service says of itself, rightly and wrongly, and finds no fault."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_programs import CLIENTS, prepare
from mesh import Mesh, Profile

SERVICES = ("pca", "classify")
# Some thousand calls each.
pytestmark = pytest.mark.timeout(400)
# What a retry mends; every other server error is a bug.
CONFIG = """\
[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx", 501, 503, 504]
"""
# Sidecars answer 500 themselves where ? or # are in a name, so through one the names are given.
NAMED = """\
[parameters]
"path.id" = "{name}"
"path.label" = "stable"
"path.name" = "{name}"
"path.version" = "1"
"""
OF_LISTENER = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), listens=True) as running:
        yield running


def explore(config: Path, document: str, *options: str, checks: str, phases: str) -> None:
    command = prepare(CLIENTS / "schemathesis_cli.py")
    done = subprocess.run(
        [
            *command,
            f"--config-file={config}",
            "run",
            document,
            f"--checks={checks}",
            f"--phases={phases}",
            "--max-examples=5",
            "--seed=1",
            # It waits for the next event.
            "--exclude-path=/events",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=config.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_answers_of_a_listener_are_what_the_reference_says(
    listening: Mesh, tmp_path: Path, service: str
) -> None:
    port = listening.listener_port(service)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    explore(
        config,
        f"http://127.0.0.1:{port}/openapi.json",
        checks=OF_LISTENER,
        phases="coverage,fuzzing",
    )


@pytest.mark.parametrize("service", SERVICES)
def test_no_call_through_a_sidecar_is_a_server_error(
    listening: Mesh, tmp_path: Path, service: str
) -> None:
    fit = listening.call("classify", "pca", "fit", b"1,2\n3,5\n4,4\n9,1")
    name = {"pca": json.loads(fit.body)["id"], "classify": "digits"}[service]
    config = tmp_path / "schemathesis.toml"
    config.write_text(NAMED.format(name=name) + CONFIG)
    via = next(name for name in SERVICES if name != service)
    base = f"{listening.http(via)}/v1.0/invoke/{service}/method"
    explore(
        config,
        f"{base}/openapi.json",
        f"--url={base}",
        # What these take away, the calls after them would not find.
        "--exclude-method=DELETE",
        "--exclude-path-regex=/unload$",
        checks="not_a_server_error",
        phases="fuzzing",
    )
