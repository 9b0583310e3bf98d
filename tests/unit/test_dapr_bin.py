"""Which Dapr programs tools/dapr-bin takes, and what it says when there are none."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DAPR_BIN = Path(__file__).resolve().parents[2] / "tools" / "dapr-bin"
# A machine with a shell, git and make, and nothing else.
BARE = (
    "bash",
    "cat",
    "cut",
    "dirname",
    "git",
    "grep",
    "head",
    "ln",
    "make",
    "mkdir",
    "sed",
    "sort",
)


class Machine:
    """A home folder and a PATH of their own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.path = folder / "path"
        self.home.mkdir()
        self.path.mkdir()
        for program in BARE:
            (self.path / program).symlink_to(f"/usr/bin/{program}")

    def install(self, folder: Path, *, daprd: str = "", dapr: str = "") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, says in (("daprd", daprd), ("dapr", dapr and f"CLI version: {dapr} ")):
            if says:
                program = folder / name
                program.write_text(f"#!/bin/sh\necho '{says}'\n")
                program.chmod(0o755)
        return folder

    def ask(self, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DAPR_BIN],
            env={"HOME": str(self.home), "PATH": str(self.path), **env},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def programs(answer: subprocess.CompletedProcess[str]) -> list[str]:
    """The daprd and dapr that `dapr run` would start with the folder that was printed."""
    assert answer.returncode == 0, answer.stderr
    folder = Path(answer.stdout.strip(), ".dapr", "bin")
    return [os.path.realpath(folder / name) for name in ("daprd", "dapr")]


def test_a_folder_named_by_dapr_bin_comes_first(machine: Machine, tmp_path: Path) -> None:
    machine.install(machine.home / ".dapr" / "bin", daprd="1.18.3", dapr="1.18.0")
    own = machine.install(tmp_path / "own", daprd="1.18.4", dapr="1.18.0")
    assert programs(machine.ask(DAPR_BIN=str(own))) == [f"{own}/daprd", f"{own}/dapr"]


@pytest.mark.parametrize("version", ["1.18.3", "1.18.4", "1.19.0", "2.0.0"])
def test_an_installed_daprd_that_is_new_enough_serves(machine: Machine, version: str) -> None:
    folder = machine.install(machine.home / ".dapr" / "bin", daprd=version)
    machine.install(machine.path, dapr="1.18.0")
    assert programs(machine.ask()) == [f"{folder}/daprd", f"{machine.path}/dapr"]


def test_what_stands_as_dapr_run_wants_it_is_not_linked(machine: Machine) -> None:
    machine.install(machine.home / ".dapr" / "bin", daprd="1.18.3", dapr="1.18.0")
    assert machine.ask().stdout.strip() == str(machine.home)


@pytest.mark.parametrize("version", ["1.18.0", "1.18.1", "1.18.2"])
def test_versions_that_lose_calls_are_refused_by_name_with_the_reason(
    machine: Machine, version: str
) -> None:
    folder = machine.install(machine.home / ".dapr" / "bin", daprd=version, dapr="1.18.0")
    answer = machine.ask()
    assert answer.returncode != 0
    assert f"{folder}/daprd is {version}, which loses calls and deliveries" in answer.stderr


@pytest.mark.parametrize(("daprd", "dapr"), [("1.17.9", "1.18.0"), ("1.18.3", "1.15.1")])
def test_without_go_an_old_version_leads_to_both_ways_to_get_a_new_one(
    machine: Machine, daprd: str, dapr: str
) -> None:
    machine.install(machine.home / ".dapr" / "bin", daprd=daprd, dapr=dapr)
    answer = machine.ask()
    assert answer.returncode != 0
    assert "or newer is needed" in answer.stderr
    assert "install Dapr" in answer.stderr
    assert "install Go" in answer.stderr


@pytest.mark.parametrize(
    ("daprd", "dapr", "says"),
    [
        ("1.18.1", "1.18.0", "1.18.3 or newer"),
        ("edge", "1.18.0", "no release version"),
        ("1.18.3", "", "holds no dapr"),
        ("", "1.18.0", "holds no daprd"),
    ],
)
def test_a_folder_named_by_dapr_bin_is_never_replaced_in_silence(
    machine: Machine, tmp_path: Path, daprd: str, dapr: str, says: str
) -> None:
    machine.install(machine.home / ".dapr" / "bin", daprd="1.18.3", dapr="1.18.0")
    own = machine.install(tmp_path / "own", daprd=daprd, dapr=dapr)
    answer = machine.ask(DAPR_BIN=str(own))
    assert answer.returncode != 0
    assert not answer.stdout
    assert says in answer.stderr
