"""`make demo`: what `meshlens demo` shows, with sidecars that need no Dapr CLI."""

import os
import sys
from pathlib import Path

from dapr_run import ROOT
from mesh import Mesh, Profile

from meshlens.command.demo import demonstrate


def make_mesh(folder: Path) -> Mesh:
    """Return a mesh that keeps its files in a folder."""
    return Mesh(
        Profile.EMBEDDED,
        folder,
        models=Path(models) if (models := os.environ.get("MODELS")) else None,
        api_token=os.environ.get("DAPR_API_TOKEN", ""),
        app_token=os.environ.get("APP_API_TOKEN", ""),
    )


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(demonstrate(make_mesh, Path("out", "iris.svg")))
