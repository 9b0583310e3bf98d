"""Dapr's programs on this host: where they are, and whether they are new enough."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meshlens.command.mesh.errors import MeshError

# 1.18.3 fixed lost deliveries and calls to gRPC apps ("use of closed network connection").
DAPRD = (1, 18, 3)
# The first CLI whose run file supports maxBodySize and can omit placement and scheduler.
CLI = (1, 16, 0)

_INSTALL_CLI = "https://docs.dapr.io/getting-started/install-dapr-cli"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Programs:
    """Where Dapr's programs are.

    Attributes:
        dapr: the CLI.
        daprd: the sidecar.
        placement: for jobs; None if it was not looked for.
        scheduler: likewise.
    """

    dapr: Path
    daprd: Path
    placement: Path | None = None
    scheduler: Path | None = None


def find_programs(*, jobs: bool = False) -> Programs:
    """Return the programs in the folder $DAPR_BIN, else installed ones.

    Args:
        jobs: whether those that jobs needs are wanted, too.

    Raises:
        MeshError: one is missing or too old.
    """
    return Programs(
        dapr=_find("dapr", CLI),
        daprd=_find("daprd", DAPRD),
        placement=_find_any("placement") if jobs else None,
        scheduler=_find_any("scheduler") if jobs else None,
    )


def _find_any(name: str) -> Path:
    """Return a program that does not say its version; Dapr installs it with the sidecar."""
    path = next(_candidates(name), None)
    if path is None:
        raise MeshError(
            f"jobs needs {name}, got none; run"
            f" dapr init --slim --runtime-version {_join(DAPRD)}, or name the folder of"
            " the programs by DAPR_BIN"
        )
    return path


def _find(name: str, oldest: tuple[int, ...]) -> Path:
    rejected = []
    for path in _candidates(name):
        version = _read_version(path)
        if version and version >= oldest:
            return path
        rejected.append(f"{path} is {_join(version) if version else 'of no release'}")
    least = f"{name} {_join(oldest)} or newer"
    found = "; ".join(rejected) or "none"
    if folder := os.environ.get("DAPR_BIN"):
        remedy = f"name a folder with daprd and dapr, or unset it (DAPR_BIN={folder})"
        raise MeshError(f"DAPR_BIN must hold {least}, got {found}; {remedy}")
    cli = shutil.which("dapr") or (Path.home() / ".dapr" / "bin" / "dapr").exists()
    first = "" if name == "daprd" and cli else f"install the Dapr CLI ({_INSTALL_CLI}), then run "
    raise MeshError(
        f"expected {least}, got {found};"
        f" {first}dapr init --slim --runtime-version {_join(DAPRD)},"
        " or name the folder of the programs by DAPR_BIN"
    )


def _candidates(name: str) -> Iterator[Path]:
    if folder := os.environ.get("DAPR_BIN"):
        places: list[Path | str | None] = [Path(folder).resolve() / name]
    else:
        places = [Path.home() / ".dapr" / "bin" / name, shutil.which(name)]
    for place in places:
        if place and os.access(place, os.X_OK):
            yield Path(place)


def _read_version(program: Path) -> tuple[int, ...] | None:
    done = subprocess.run(  # noqa: S603 - a program of Dapr, or what the user names as one
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = _VERSION.search(done.stdout)
    return tuple(map(int, found.groups())) if found else None


def _join(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
