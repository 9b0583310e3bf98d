"""Which Dapr programs tools/dapr-bin takes, and what it says when there are none."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dapr_release import archive_url
from release_site import ReleaseSite, archive_of, release_site

pytestmark = pytest.mark.slow

DAPR_BIN = Path(__file__).resolve().parents[2] / "tools" / "dapr-bin"
# A machine with a shell, git and make, and nothing else.
BARE = (
    "bash",
    "cat",
    "cut",
    "dirname",
    "echo",
    "git",
    "grep",
    "head",
    "ln",
    "make",
    "mkdir",
    "sed",
    "sort",
)
# What building needs besides.
BUILD = ("chmod", "cp", "mktemp", "mv", "rm", "tail", "tar", "uname", "wc")
# A component that is not used here.
UNUSED = "pubsub_kafka.go"
# Stands in for Go, because a real build takes minutes. The program that it "builds" says its
# version, and its last line is the components that the sources have.
GO = r"""#!/usr/bin/env bash
set -euo pipefail
case $1 in
  version) echo go version go1.26.6 ;;
  mod) printf '{\n\t"Dir": "%s",\n}\n' "$DAPR_MODULE" ;;
  list) ;;
  build)
    components=all
    for argument in "$@"; do
      case $argument in
        -modfile=*)
          replace='s|^replace github.com/dapr/dapr => "\(.*\)"$|\1|p'
          module=$(sed -n "$replace" "${argument#-modfile=}")
          components=$(cd "$module/cmd/daprd/components" && echo *)
          ;;
      esac
    done
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\necho 1.18.3\n# %s\n' "$components" >"$2"
    chmod +x "$2"
    ;;
esac
"""


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

    def install_go(self, components: list[str]) -> None:
        """Provide the stand-in for Go, and a module of Dapr with some components."""
        for program in BUILD:
            (self.path / program).symlink_to(f"/usr/bin/{program}")
        (self.path / "env").symlink_to("/usr/bin/env")
        (self.path / "go").write_text(GO)
        (self.path / "go").chmod(0o755)
        folder = self.home / "module/cmd/daprd/components"
        folder.mkdir(parents=True)
        for name in components:
            (folder / name).touch()
        for read_only in (folder, *folder.iterdir()):  # as in Go's module cache
            read_only.chmod(0o555 if read_only.is_dir() else 0o444)

    def ask(self, *programs: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DAPR_BIN, *programs],
            env={
                "HOME": str(self.home),
                "PATH": str(self.path),
                "DAPR_MODULE": str(self.home / "module"),
                "DAPR_RELEASES": "",
                **env,
            },
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


def listed() -> list[str]:
    """The files of the components of the daprd that is built."""
    lines = (DAPR_BIN.parent / "dapr" / "components").read_text().splitlines()
    types = [line for line in lines if line and not line.startswith("#")]
    # Dapr calls one of them by another name.
    names = (type_.replace(".", "_").replace("postgresql", "postgres") for type_ in types)
    return sorted(f"{name}.go" for name in names)


@pytest.fixture
def site(machine: Machine) -> Iterator[ReleaseSite]:
    """A host with Dapr's releases, and a machine that can ask it."""
    (machine.path / "python3").symlink_to(sys.executable)
    with release_site() as running:
        yield running


def publish(site: ReleaseSite, program: str, version: str, *, digest: str = "") -> None:
    says = f"CLI version: {version}" if program == "dapr" else version
    path = archive_url(site.address, program, version).removeprefix(site.address)
    site.publish(path, archive_of(program, f"#!/bin/sh\necho '{says}'\n".encode()), digest)


def test_a_release_that_is_reached_is_fetched_once(machine: Machine, site: ReleaseSite) -> None:
    publish(site, "daprd", "1.18.3")
    publish(site, "dapr", "1.16.5")
    answer = machine.ask(DAPR_RELEASES=site.address)
    folder = machine.home / ".cache/meshlens/dapr-1.18.3-cli-1.16.5-release"
    assert programs(answer) == [f"{folder}/.dapr/bin/daprd", f"{folder}/.dapr/bin/dapr"]
    asked = len(site.asked)
    assert machine.ask(DAPR_RELEASES=site.address).stdout == answer.stdout
    assert len(site.asked) == asked


def test_daprd_alone_needs_no_cli(machine: Machine, site: ReleaseSite) -> None:
    publish(site, "daprd", "1.18.3")
    answer = machine.ask("daprd", DAPR_RELEASES=site.address)
    assert answer.returncode == 0, answer.stderr
    assert [path.name for path in Path(answer.stdout.strip(), ".dapr/bin").iterdir()] == ["daprd"]


def test_an_installed_program_comes_before_the_release(machine: Machine, site: ReleaseSite) -> None:
    machine.install(machine.home / ".dapr" / "bin", daprd="1.18.4", dapr="1.18.0")
    publish(site, "daprd", "1.18.3")
    assert machine.ask(DAPR_RELEASES=site.address).stdout.strip() == str(machine.home)
    assert site.asked == []


def test_without_a_release_daprd_is_built_with_the_components_that_are_used(
    machine: Machine, site: ReleaseSite
) -> None:
    machine.install_go([*listed(), UNUSED, "zz_notag.go"])
    answer = machine.ask("daprd", DAPR_RELEASES="http://127.0.0.1:1")
    assert answer.returncode == 0, answer.stderr
    assert "daprd: not from a release: http://127.0.0.1:1/dapr/dapr/releases/" in answer.stderr
    program = Path(answer.stdout.strip(), ".dapr/bin/daprd").read_text()
    assert program.splitlines()[-1].split()[1:] == listed()
    # What was built is used from then on, whatever host has a release.
    publish(site, "daprd", "1.18.3")
    assert machine.ask("daprd", DAPR_RELEASES=site.address).stdout == answer.stdout
    assert site.asked == []


def test_a_release_with_another_digest_is_not_used(machine: Machine, site: ReleaseSite) -> None:
    machine.install_go(listed())
    publish(site, "daprd", "1.18.3", digest="0" * 64)
    answer = machine.ask("daprd", DAPR_RELEASES=site.address)
    assert "published beside it; not used" in answer.stderr
    assert "slim" in answer.stdout


def test_a_release_that_is_not_what_it_says_is_not_used(
    machine: Machine, site: ReleaseSite
) -> None:
    machine.install_go(listed())
    path = archive_url(site.address, "daprd", "1.18.3").removeprefix(site.address)
    site.publish(path, archive_of("daprd", b"#!/bin/sh\necho edge\n"))
    answer = machine.ask("daprd", DAPR_RELEASES=site.address)
    assert "not used: " in answer.stderr
    assert "reports no release version" in answer.stderr
    assert "slim" in answer.stdout


def test_all_components_are_built_if_that_is_asked_for(machine: Machine) -> None:
    machine.install_go(listed())
    slim = machine.ask("daprd")
    full = machine.ask("daprd", DAPR_FULL="1")
    assert full.stdout != slim.stdout
    assert Path(full.stdout.strip(), ".dapr/bin/daprd").read_text().endswith("# all\n")


def test_a_component_that_this_dapr_lacks_is_named(machine: Machine) -> None:
    machine.install_go([name for name in listed() if name != "pubsub_redis.go"])
    answer = machine.ask("daprd")
    assert answer.returncode != 0
    assert "this version of Dapr has no component pubsub.redis" in answer.stderr
    assert not list((machine.home / ".cache/meshlens").rglob("daprd*"))
