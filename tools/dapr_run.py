"""Dapr's programs for a clone, which tools/dapr-bin finds, fetches or builds."""

import subprocess
from functools import cache
from pathlib import Path

from meshlens.command.mesh.errors import MeshError

ROOT = Path(__file__).resolve().parent.parent


@cache
def dapr_runtime(*programs: str) -> Path:
    """Return the folder whose .dapr/bin holds Dapr's programs; what is missing is fetched or built.

    Args:
        programs: which are needed; daprd and dapr, the CLI, if none is named.

    Raises:
        MeshError: it cannot be; the reason is on stderr.
    """
    try:
        finder = subprocess.run(  # noqa: S603 - a program of this repository
            [ROOT / "tools" / "dapr-bin", *programs], stdout=subprocess.PIPE, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        raise MeshError("Dapr's programs are missing; see the message above") from error
    return Path(finder.stdout.strip())
