"""What sidecars load is written with absolute paths, for apps that have their own folders."""

import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.resources import place_endpoint, read_shipped, write_resources

ENV = {"REDIS_HOST": "/tmp/broker:6379", "REDIS_PASSWORD": "a password"}  # noqa: S108 - nothing opens it


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def test_names_and_state_are_where_the_mesh_is(tmp_path: Path) -> None:
    folder = tmp_path / "a mesh"
    written = write_resources(folder, "embedded", [], Path("/bin/true"), ENV)
    names = read(written.config)["spec"]["nameResolution"]["configuration"]["connectionString"]
    assert names == f"file:{quote(str(folder))}/.dapr/names.db"
    state = read(written.components / "statestore.yaml")["spec"]["metadata"]
    assert f"file:{quote(str(folder))}/.dapr/state.db" in {entry["value"] for entry in state}


@pytest.mark.parametrize("profile", ["embedded", "redis"])
def test_all_components_and_the_retries_are_there(tmp_path: Path, profile: str) -> None:
    written = write_resources(tmp_path, profile, [], Path("/bin/true"), ENV)
    found = {path.name: read(path)["kind"] for path in written.components.iterdir()}
    assert found == {
        "pubsub.yaml": "Component",
        "statestore.yaml": "Component",
        "resiliency.yaml": "Resiliency",
    }


@pytest.mark.parametrize("profile", ["embedded", "redis"])
def test_any_app_that_joins_gets_events(tmp_path: Path, profile: str) -> None:
    written = write_resources(tmp_path, profile, [], Path("/bin/true"), ENV)
    pubsub = read(written.components / "pubsub.yaml")
    assert "scopes" not in pubsub
    shipped = read_shipped("components", profile, "pubsub.yaml")
    for entry in shipped["spec"]["metadata"]:
        if "envRef" in entry:  # which an app that joins does not have in its environment
            entry["value"] = ENV[entry.pop("envRef")]
    assert pubsub["spec"] == shipped["spec"]
    assert written.runtime.stat().st_mode & 0o077 == 0, "the password is for the user only"


def test_further_apps_may_use_the_state_store(tmp_path: Path) -> None:
    written = write_resources(tmp_path, "redis", ["mine"], Path("/bin/true"), ENV)
    scopes = read(written.components / "statestore.yaml")["scopes"]
    assert scopes == ["pca", "classify", "mine"]


def test_the_sidecar_of_any_app_stays_on_this_host(tmp_path: Path) -> None:
    daprd = tmp_path / "a daprd"
    daprd.write_text('#!/bin/sh\necho "$DAPR_HOST_IP $*"\n')
    daprd.chmod(0o755)
    written = write_resources(tmp_path, "embedded", [], daprd, ENV)
    wrapper = written.runtime / ".dapr" / "bin" / "daprd"
    done = subprocess.run([wrapper, "--app-id", "my app"], capture_output=True, check=True)
    assert done.stdout.decode().split() == [
        "127.0.0.1",
        *("--dapr-internal-grpc-listen-address", "127.0.0.1"),
        *("--metrics-listen-address", "127.0.0.1"),
        *("--app-id", "my", "app"),
    ]


def test_endpoints_have_the_port_and_the_token_of_the_run_and_go_with_it(tmp_path: Path) -> None:
    daprd, env = Path("/bin/true"), {**ENV, "APP_API_TOKEN": "swordfish"}
    written = write_resources(tmp_path, "embedded", [], daprd, env, listeners={"pca": 4561})
    assert not (written.components / "classify-rest.yaml").exists()
    endpoint = yaml.safe_load((written.components / "pca-rest.yaml").read_text())
    assert endpoint["metadata"]["name"] == "pca-rest"
    assert endpoint["spec"] == {
        "baseUrl": "http://127.0.0.1:4561",
        "headers": [{"name": "dapr-api-token", "value": "swordfish"}],
    }
    write_resources(tmp_path, "embedded", [], daprd, ENV)
    assert not (written.components / "pca-rest.yaml").exists()


def test_endpoints_trust_the_certificate_of_the_run(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("PEM")
    endpoint = place_endpoint("pca-rest.yaml", 4561, {"HTTP_CERTIFICATE": str(certificate)})
    assert endpoint["spec"] == {
        "baseUrl": "https://127.0.0.1:4561",
        "headers": [],
        "clientTLS": {"rootCA": {"value": "PEM"}},
    }
    with pytest.raises(MeshError, match="HTTP_CERTIFICATE must name a PEM file"):
        place_endpoint("pca-rest.yaml", 4561, {"HTTP_CERTIFICATE": str(tmp_path)})
