"""What tools/packages installs, and what it says where it may not."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGES = Path(__file__).resolve().parents[2] / "tools" / "packages"
# A machine with a shell, and nothing else.
BARE = ("bash", "cat", "env", "grep", "touch")


class Machine:
    """A PATH of its own, with an apt-get that provides empty programs."""

    def __init__(self, folder: Path, *, root: bool) -> None:
        self.path = folder
        for program in BARE:
            (folder / program).symlink_to(f"/usr/bin/{program}")
        self.install("id", f"echo {0 if root else 1000}")
        self.install("apt-get", f'echo "$*" >>{folder}/asked')

    def install(self, name: str, script: str = "") -> None:
        (self.path / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.path / name).chmod(0o755)

    def ask(self, *groups: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PACKAGES, *groups],
            env={"PATH": str(self.path), **env},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        """What apt-get was called with, without its options."""
        log = self.path / "asked"
        lines = log.read_text().splitlines() if log.exists() else []
        return [" ".join(word for word in line.split() if word[0] != "-") for line in lines]


def test_root_on_debian_gets_what_is_missing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=True)
    assert machine.ask("lint").returncode == 0
    assert [words.rpartition("=")[2].split(" ", 1)[1] for words in machine.asked] == [
        "update",
        "install shellcheck",
    ]


def test_what_is_there_is_not_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=True)
    machine.install("shellcheck")
    answer = machine.ask("lint")
    assert answer.returncode == 0
    assert (answer.stdout, answer.stderr, machine.asked) == ("", "", [])


def test_any_of_several_browsers_serves(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=False)
    assert "chromium: tests of the pages" in machine.ask("test").stderr
    machine.install("google-chrome")
    assert "chromium" not in machine.ask("test").stderr


def test_who_may_not_install_is_told_what_will_be_missing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=False)
    answer = machine.ask("test")
    assert answer.returncode == 0
    assert machine.asked == []
    assert "redis-server: tests with a real Redis" in answer.stderr
    assert "sudo apt-get install" in answer.stderr


def test_in_ci_a_missing_program_is_an_error(tmp_path: Path) -> None:
    assert Machine(tmp_path, root=False).ask("lint", CI="1").returncode == 1


def test_a_package_that_cannot_be_installed_is_an_error(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=True)
    machine.install("apt-get", "exit 100")
    assert machine.ask("lint").returncode == 100


def test_every_group_that_make_names_is_known(tmp_path: Path) -> None:
    machine = Machine(tmp_path, root=False)
    for group in ("make", "setup", "lint", "test", "cluster"):
        assert "missing" in machine.ask(group).stderr
    answer = machine.ask("tset")
    assert answer.returncode != 0
    assert "setup, lint, test, cluster" in answer.stderr
