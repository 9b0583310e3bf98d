"""Dapr's programs for a clone, which tools/dapr-bin finds or builds, and the mesh run by them."""

import subprocess
from functools import cache
from pathlib import Path

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.programs import Programs

ROOT = Path(__file__).resolve().parent.parent


@cache
def dapr_runtime() -> Path:
    """Return the folder whose .dapr/bin holds Dapr's programs; what is missing is built.

    Raises:
        MeshError: it cannot be; the reason is on stderr.
    """
    try:
        finder = subprocess.run(  # noqa: S603 - a program of this repository
            [ROOT / "tools" / "dapr-bin"], stdout=subprocess.PIPE, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        raise MeshError("Dapr's programs are missing; see the message above") from error
    return Path(finder.stdout.strip())


def dapr_programs() -> Programs:
    """Return Dapr's programs, as `dapr_runtime` finds them."""
    folder = dapr_runtime() / ".dapr" / "bin"
    return Programs(dapr=folder / "dapr", daprd=folder / "daprd")
