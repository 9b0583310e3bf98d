"""The run file: what changes from run to run."""

import sys
from pathlib import Path

import pytest

from meshlens.command.mesh.ports import BASE
from meshlens.command.mesh.resources import Resources
from meshlens.command.mesh.run_file import (
    compose_environment,
    compose_run_file,
    list_listeners,
    list_ports,
)
from meshlens.daprkit.settings import MIB

RESOURCES = Resources(Path("/m"), Path("/m/config.yaml"), Path("/m/embedded"))


@pytest.mark.parametrize(
    ("limit", "sidecars"), [("32Mi", 64 * MIB), ("1000000", 2_000_000), ("1 GiB", 2048 * MIB)]
)
def test_the_sidecars_limit_is_twice_max_body(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, sidecars: int
) -> None:
    monkeypatch.setenv("MAX_BODY", limit)
    content = compose_run_file(tmp_path, RESOURCES, BASE)
    assert content["common"]["maxBodySize"] == str(sidecars)


def test_every_path_is_absolute(tmp_path: Path) -> None:
    content = compose_run_file(tmp_path, RESOURCES, BASE)
    assert content["common"]["configFilePath"] == "/m/config.yaml"
    assert content["common"]["resourcesPaths"] == ["/m/embedded"]
    assert {app["appDirPath"] for app in content["apps"]} == {str(tmp_path)}


def test_all_ports_are_counted_from_the_base(tmp_path: Path) -> None:
    usual = list_ports(compose_run_file(tmp_path, RESOURCES, BASE))
    assert min(usual) == 3501
    assert len(usual) == 12
    assert usual[3501] == "HTTP of the sidecar of pca"
    moved = list_ports(compose_run_file(tmp_path, RESOURCES, 4500))
    assert moved == {port + 1000: use for port, use in usual.items()}


def test_the_services_answer_http_themselves_when_asked_to_only(tmp_path: Path) -> None:
    assert list_listeners(compose_run_file(tmp_path, RESOURCES, BASE)) == {}
    content = compose_run_file(tmp_path, RESOURCES, 4500, listens=True)
    assert list_listeners(content) == {"pca": 4561, "classify": 4562}
    assert list_ports(content)[4561] == "HTTP of pca itself"
    assert len(list_ports(compose_run_file(tmp_path, RESOURCES, None, listens=True))) == 14


def test_free_ports_are_all_different(tmp_path: Path) -> None:
    free = list_ports(compose_run_file(tmp_path, RESOURCES, None))
    assert len(free) == 12


@pytest.mark.parametrize(
    ("name", "usual", "other"), [("SHOW_EVENTS", 100, "0"), ("ADMIN", "true", "false")]
)
def test_the_services_show_events_and_may_be_changed_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, usual: object, other: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    apps = compose_run_file(tmp_path, RESOURCES, BASE)["apps"]
    assert [app["env"][name] for app in apps] == [usual, usual]
    monkeypatch.setenv(name, other)
    apps = compose_run_file(tmp_path, RESOURCES, BASE)["apps"]
    assert [app["env"][name] for app in apps] == [other, other]


def test_what_only_the_services_speak_is_said_of_them_alone(tmp_path: Path) -> None:
    content = compose_run_file(tmp_path, RESOURCES, BASE)
    assert {app["appProtocol"] for app in content["apps"]} == {"grpc"}
    assert "appProtocol" not in content["common"]
    assert {app["command"][0] for app in content["apps"]} == {sys.executable}


def test_models_are_found_from_the_folder_in_which_the_mesh_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELS", "models")
    assert compose_environment("embedded")["MODELS"] == str(tmp_path / "models")
