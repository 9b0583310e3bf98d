"""The Helm chart, rendered by helm as a user would."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from manifests import ROOT, Manifest, folder_of_tools

CHART = ROOT / "k8s" / "helm" / "meshlens"


@cache
def _program() -> str:
    """The path of helm: an installed one, else the one that tools/ has built."""
    path = shutil.which("helm") or shutil.which("helm", path=folder_of_tools())
    if path is None:
        pytest.skip("helm is missing; build it: make -C tools helm. `make test-cluster` does")
    return path


def helm(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run(
        [_program(), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def render_chart(*choices: str, dev: bool = False, namespace: str = "meshlens") -> list[Manifest]:
    """Return what the chart comes to.

    Args:
        choices: as `--set` takes them.
        dev: whether with values-dev.yaml.
        namespace: of the release.
    """
    where = ("--namespace", namespace)
    values = ("--values", str(CHART / "values-dev.yaml")) if dev else ()
    chosen = [part for choice in choices for part in ("--set", choice)]
    done = helm("template", "meshlens", str(CHART), *where, *values, *chosen)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
