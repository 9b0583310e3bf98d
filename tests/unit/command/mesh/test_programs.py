"""Dapr's programs: which are taken, and what is said where one is missing or too old."""

from pathlib import Path

import pytest

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.programs import Programs, find_programs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any programs, on a machine that has none either."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("DAPR_BIN", raising=False)
    return tmp_path


def put(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


def test_the_programs_of_dapr_init_are_taken(home: Path) -> None:
    folder = home / ".dapr" / "bin"
    dapr, daprd = put(folder, "dapr", "CLI version: 1.17.0"), put(folder, "daprd", "1.19.2")
    assert find_programs() == Programs(dapr, daprd)


def test_dapr_bin_goes_before_what_is_installed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dapr", "daprd"):
        put(home / ".dapr" / "bin", name, "1.18.3")
        put(tmp_path / "mine", name, "1.18.3")
    monkeypatch.setenv("DAPR_BIN", str(tmp_path / "mine"))
    assert find_programs().daprd == tmp_path / "mine" / "daprd"


def test_without_anything_the_whole_way_is_said(home: Path) -> None:
    assert home.exists()
    with pytest.raises(MeshError) as caught:
        find_programs()
    said = str(caught.value)
    assert said.startswith("expected dapr 1.16.0 or newer, got none; install the Dapr CLI (https:")
    assert "then run dapr init --slim --runtime-version 1.18.3" in said
    assert "\n" not in said


def test_with_the_cli_alone_one_command_is_said(home: Path) -> None:
    put(home / ".dapr" / "bin", "dapr", "1.16.5")
    with pytest.raises(MeshError, match=r"got none; dapr init --slim --runtime-version 1\.18\.3"):
        find_programs()


@pytest.mark.parametrize("version", ["1.18.2", "edge"])
def test_an_old_sidecar_is_named_and_not_taken(home: Path, version: str) -> None:
    put(home / ".dapr" / "bin", "dapr", "1.16.5")
    path = put(home / ".dapr" / "bin", "daprd", version)
    with pytest.raises(MeshError, match=rf"expected daprd 1\.18\.3 or newer, got {path} is "):
        find_programs()


def test_a_folder_without_programs_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_BIN", str(home))
    with pytest.raises(MeshError, match=rf"or unset it \(DAPR_BIN={home}\)"):
        find_programs()


def test_jobs_need_what_dapr_init_installs_beside_the_sidecar(home: Path) -> None:
    folder = home / ".dapr" / "bin"
    dapr, daprd = put(folder, "dapr", "CLI version: 1.17.0"), put(folder, "daprd", "1.19.2")
    placement = put(folder, "placement", "")
    with pytest.raises(MeshError, match="jobs needs scheduler, got none; run dapr init --slim"):
        find_programs(jobs=True)
    scheduler = put(folder, "scheduler", "")
    assert find_programs(jobs=True) == Programs(dapr, daprd, placement, scheduler)
    assert find_programs() == Programs(dapr, daprd)
