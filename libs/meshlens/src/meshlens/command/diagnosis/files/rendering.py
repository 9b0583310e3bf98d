"""Kustomizations and charts, rendered by the programs that people render them with."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 60.0
_LONGEST = 300
_MOST_OF_CHART = 64 * 1024
_OLDEST = re.compile(r"^kubeVersion:\D*(\d+\.\d+(?:\.\d+)?)", re.MULTILINE)


class RenderingError(Exception):
    """The program refused what it was given; the message is what it said."""


def render_kustomization(folder: Path) -> bytes | None:
    """Return what a kustomization comes to; None if neither kubectl nor kustomize is installed.

    Raises:
        RenderingError: it cannot be rendered.
    """
    if kubectl := shutil.which("kubectl"):
        return _run([kubectl, "kustomize", str(folder)])
    if kustomize := shutil.which("kustomize"):
        return _run([kustomize, "build", str(folder)])
    return None


def render_chart(folder: Path) -> bytes | None:
    """Return what a chart of Helm comes to by its own values; None if helm is not installed.

    For the oldest Kubernetes that the chart names, since helm asks no cluster here.

    Raises:
        RenderingError: it cannot be rendered.
    """
    if helm := shutil.which("helm"):
        with (folder / "Chart.yaml").open(encoding="utf-8", errors="replace") as stream:
            chart = stream.read(_MOST_OF_CHART)
        oldest = _OLDEST.search(chart)
        version = ["--kube-version", oldest[1]] if oldest else []
        return _run([helm, "template", "release", str(folder), *version])
    return None


def _run(command: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own program, on the folder that they name
            command, capture_output=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RenderingError(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").splitlines() or [""]
        # Warnings may precede what is the matter.
        said = next((line for line in lines if line.lower().startswith("error")), lines[-1])
        raise RenderingError(said[:_LONGEST] or f"it ended with {done.returncode}")
    return done.stdout
