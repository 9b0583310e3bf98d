"""The run file, the components and the services' defaults agree."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshlens.command.mesh.sqlite_files import FILES, make_sqlite_files
from meshlens.daprkit.settings import MIB, ServerSettings

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ["embedded", "redis"]
SETTINGS = ServerSettings.model_fields


def read(path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / path).read_text())
    return content


def test_the_sidecars_limit_is_twice_the_apps_so_that_the_app_says_what_is_too_large() -> None:
    limit = read("dapr/dapr.yaml")["common"]["maxBodySize"]
    assert limit == f"{2 * SETTINGS['max_body'].default // MIB}Mi"


def test_the_ports_are_distinct_and_below_those_that_the_kernel_picks() -> None:
    apps = read("dapr/dapr.yaml")["apps"]
    ports = [value for app in apps for key, value in app.items() if key.endswith("Port")]
    ports += [app["env"]["METRICS_PORT"] for app in apps]
    assert len(ports) == len(set(ports)) == 12
    assert max(ports) < 32768


def test_each_service_has_an_endpoint_at_a_port_of_its_own() -> None:
    apps = {app["appID"]: app["daprHTTPPort"] + 60 for app in read("dapr/dapr.yaml")["apps"]}
    endpoints = [read(str(path)) for path in (ROOT / "components" / "http").glob("*.yaml")]
    assert {each["kind"] for each in endpoints} == {"HTTPEndpoint"}
    assert {each["metadata"]["name"]: each["spec"]["baseUrl"] for each in endpoints} == {
        f"{app}-rest": f"http://127.0.0.1:{port}" for app, port in apps.items()
    }


def test_no_folder_of_resources_has_the_configuration_which_would_restart_sidecars() -> None:
    for folder in read("dapr/dapr.yaml")["common"]["resourcesPaths"]:
        files = (ROOT / "dapr" / folder).glob("*.yaml")
        kinds = {yaml.safe_load(file.read_text())["kind"] for file in files}
        assert kinds
        assert "Configuration" not in kinds


@pytest.mark.parametrize("service", ["statestore", "pubsub"])
def test_a_sidecar_starts_without_redis(service: str) -> None:
    assert read(f"components/redis/{service}.yaml")["spec"]["ignoreErrors"] is True


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_has_the_components_that_the_services_name(profile: str) -> None:
    components = [read(str(path)) for path in (ROOT / "components" / profile).glob("*.yaml")]
    types = {each["metadata"]["name"]: each["spec"]["type"].split(".")[0] for each in components}
    assert types == {SETTINGS["state_store"].default: "state", SETTINGS["pubsub"].default: "pubsub"}


@pytest.mark.parametrize("profile", PROFILES)
def test_components_are_for_the_apps_of_the_run_file(profile: str) -> None:
    apps = [app["appID"] for app in read("dapr/dapr.yaml")["apps"]]
    for path in (ROOT / "components" / profile).glob("*.yaml"):
        assert read(str(path))["scopes"] == apps


def test_the_clean_up_of_names_is_off_because_it_ends_living_sidecars() -> None:
    resolution = read("dapr/config.yaml")["spec"]["nameResolution"]
    assert resolution["component"] == "sqlite"
    assert resolution["configuration"]["cleanupInterval"] == "0"


def test_callers_retry_only_what_a_retry_can_fix() -> None:
    spec = read("dapr/resiliency.yaml")["spec"]
    assert set(spec["policies"]) == {"retries"}, (
        "a circuit breaker goes on refusing calls when the app is back"
    )
    codes = {
        name: policy["matching"]["gRPCStatusCodes"]
        for name, policy in spec["policies"]["retries"].items()
    }
    assert codes == {"until-back": "1,14", "until-taken": "8,14"}
    apps, (pubsub,) = spec["targets"]["apps"], spec["targets"]["components"].values()
    assert apps == {app: {"retry": "until-back"} for app in ("pca", "classify", "jobs")}
    assert pubsub == {"inbound": {"retry": "until-taken"}}


@pytest.mark.slow
def test_the_folder_dapr_does_not_hide_the_sdk() -> None:
    files = [path for path in (ROOT / "dapr").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".yaml"}
    program = "import dapr.clients; print(dapr.clients.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "site-packages" in found.stdout


def test_the_sqlite_files_that_are_made_are_those_that_sidecars_open(tmp_path: Path) -> None:
    state = read("components/embedded/statestore.yaml")["spec"]["metadata"]
    named = {entry["value"] for entry in state if entry["name"] == "connectionString"}
    named.add(
        read("dapr/config.yaml")["spec"]["nameResolution"]["configuration"]["connectionString"]
    )
    assert named == set(FILES)
    make_sqlite_files(tmp_path)
    make_sqlite_files(tmp_path)
    for name in FILES:
        with closing(sqlite3.connect(tmp_path / name)) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
