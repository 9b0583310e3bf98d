"""The programs of a cluster: some built from pinned Go modules, some from the system."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from mesh import ROOT

CNI_PLUGINS = Path("/usr/lib/cni")

_MAKE = ("make", "-s", "-C", ROOT / "tools")

# Each program, and the Debian package that provides it.
_SYSTEM = {
    "buildah": "buildah",
    "containerd": "containerd",
    "ctr": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "pg_ctlcluster": "postgresql",
    "runc": "runc",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


@dataclass(frozen=True)
class Programs:
    """Folders of the programs that were built."""

    kubernetes: Path
    daprd: Path
    dapr: Path
    dapr_chart: Path
    dapr_version: str


def objection() -> str:
    """Return why no cluster can run on this machine; empty if one can."""
    if os.geteuid() != 0:
        return (
            "a cluster needs root, for namespaces and containers; run it as root: make test-cluster"
        )
    missing = {package for program, package in _SYSTEM.items() if shutil.which(program) is None}
    if not CNI_PLUGINS.is_dir():
        missing.add("containernetworking-plugins")
    if missing:
        packages = " ".join(sorted(missing))
        return f"programs for a cluster are missing; install them: apt-get install {packages}"
    return ""


def need_cluster() -> None:
    """Skip if no cluster can run here, or fail if CI promises one."""
    why = objection()
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@cache
def programs() -> Programs:
    """Build missing programs, and return where they all are."""
    subprocess.run([*_MAKE, "cluster"], check=True)
    return Programs(
        kubernetes=Path(_make("cluster-bin")),
        daprd=Path(_make("slim")) / ".dapr" / "bin",
        dapr=Path(_make("runtime")) / ".dapr" / "bin",
        dapr_chart=Path(_make("dapr-chart")),
        dapr_version=_make("dapr-version"),
    )


def _make(target: str) -> str:
    printed = subprocess.run([*_MAKE, target], stdout=subprocess.PIPE, text=True, check=True)
    return printed.stdout.strip()
