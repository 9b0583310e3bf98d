"""Runs the commands of documents on the cluster, as a reader would in a clone."""

import os
from pathlib import Path

from cluster.node import Node
from cluster.programs import programs
from mesh import ROOT

_MINUTES = 10 * 60.0


class Shell:
    """Runs blocks of commands, with kubectl as the administrator.

    Args:
        node: the cluster.
        folder: where they run.
        paths: folders of further programs.
        env: what they find in their environment.
    """

    def __init__(self, node: Node, folder: Path, *paths: Path, **env: str) -> None:
        self.folder = folder
        self._node = node
        kubeconfig = folder / ".kube"
        kubeconfig.write_text(node.kubectl("config", "view", "--raw", "--flatten"))
        path = ":".join(map(str, (programs().kubernetes, *paths, os.environ["PATH"])))
        given = {"PATH": path, "KUBECONFIG": str(kubeconfig), **env}
        self._bash = ["env", f"--chdir={folder}", *(f"{k}={v}" for k, v in given.items()), "bash"]

    def run(self, block: str) -> str:
        """Run a block and return what it prints.

        Raises:
            SandboxError: a command failed; the message holds the output.
        """
        return self._node.sandbox.run(
            [*self._bash, "-euo", "pipefail", "-c", block], timeout=_MINUTES
        )


def make_checkout(folder: Path) -> Path:
    """Return a folder that mirrors the repository and receives what commands write."""
    for name in ("k8s", "examples", "services"):
        (folder / name).symlink_to(ROOT / name)
    return folder
