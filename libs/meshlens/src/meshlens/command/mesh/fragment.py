"""A run file with apps of one's own, to run beside pca and classify.

It is what `dapr run -f` takes, but nothing of the mesh is in it: ports, components and the
configuration by which sidecars find each other are added here.
"""

from pathlib import Path
from typing import Any

import yaml

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.resources import Resources

_OURS = ("pca", "classify")
_EXAMPLE = "apps: [{appID: mine, command: [python, app.py]}]"


def read_fragment(file: Path) -> list[dict[str, Any]]:
    """Return the apps of a run file; their folders are absolute.

    Raises:
        MeshError: it cannot be read, or has no apps, or one without appID.
    """
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise MeshError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise MeshError(f"{file} must be YAML such as {_EXAMPLE}, got: {error}") from error
    apps = content.get("apps") if isinstance(content, dict) else None
    if not isinstance(apps, list) or not apps:
        raise MeshError(f"{file} must have a list of apps, such as {_EXAMPLE}")
    folder = file.absolute().parent
    joined = []
    for app in apps:
        if not isinstance(app, dict) or not app.get("appID"):
            raise MeshError(f"each app in {file} must have an appID, got {app!r}; see {_EXAMPLE}")
        if app["appID"] in _OURS:
            raise MeshError(
                f"{app['appID']} in {file} is in the mesh already; choose another appID"
            )
        joined.append({**app, "appDirPath": str(folder / app.get("appDirPath", "."))})
    return joined


def join_app(app: dict[str, Any], resources: Resources) -> dict[str, Any]:
    """Return an app of a run file with what makes it part of a mesh.

    Components of its own come after those of the mesh.
    """
    own = [str(Path(app["appDirPath"], path)) for path in app.get("resourcesPaths", ())]
    return {**app, "resourcesPaths": [str(resources.components), *own]}
