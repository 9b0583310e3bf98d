"""The manifests of k8s/, rendered by kubectl as a user would."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
OVERLAYS = ("dev", "prod")
COMPONENTS = tuple(sorted(path.name for path in (ROOT / "k8s" / "components").iterdir()))

Manifest: TypeAlias = dict[str, Any]


@cache
def kubectl() -> str:
    """The path of kubectl: an installed one, else the one that tools/ builds."""
    path = shutil.which("kubectl") or shutil.which("kubectl", path=folder_of_tools())
    if path is None:
        message = "kubectl is missing; install it, or build it: make -C tools kubectl"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def folder_of_tools() -> str:
    """The folder of the programs that tools/ builds for a cluster."""
    ask = ["make", "--silent", "-C", str(ROOT / "tools"), "cluster-bin"]
    return subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def render(folder: Path, overlay: str, components: Sequence[str] = ()) -> list[Manifest]:
    """Return what an overlay with components comes to; the kustomization is written to `folder`."""
    k8s = Path(os.path.relpath(ROOT / "k8s", folder))
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "meshlens",
        "resources": [str(k8s / "overlays" / overlay)],
        "components": [str(k8s / "components" / name) for name in components],
    }
    return render_text(folder, yaml.safe_dump(kustomization))


def render_text(folder: Path, kustomization: str) -> list[Manifest]:
    """Return what a kustomization comes to; it is written to `folder`."""
    (folder / "kustomization.yaml").write_text(kustomization)
    rendered = subprocess.run(
        [kubectl(), "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert rendered.returncode == 0, rendered.stderr
    return [manifest for manifest in yaml.safe_load_all(rendered.stdout) if manifest]


def of_kind(manifests: Sequence[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the manifests of a kind by their names."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pod_of(deployment: Manifest) -> Manifest:
    """Return the pod's specification."""
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


def annotations_of(deployment: Manifest) -> dict[str, str]:
    """Return the annotations of the pod, without `dapr.io/`."""
    annotations: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
    return {key.removeprefix("dapr.io/"): value for key, value in annotations.items()}
