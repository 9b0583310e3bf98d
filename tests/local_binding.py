"""The component of Dapr's binding of local files, as tests give it to a sidecar."""

from pathlib import Path

import yaml


def local_binding(name: str, folder: Path | str) -> str:
    """Return the manifest of a binding with a name, of the files in a folder."""
    return yaml.safe_dump(
        {
            "apiVersion": "dapr.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name},
            "spec": {
                "type": "bindings.localstorage",
                "version": "v1",
                "metadata": [{"name": "rootPath", "value": str(folder)}],
            },
        },
        sort_keys=False,
    )
