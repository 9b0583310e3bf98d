"""From nothing to a Ready node with Dapr's control plane, and back to nothing."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster.controlplane import install_dapr
from cluster.images import Images
from cluster.node import Node
from cluster.programs import programs
from cluster.sandbox import Sandbox

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshlens" / "cluster"
WORK = CACHE / "run"


class Figures:
    """Timings and sizes of the run, as lines to print."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._since = time.monotonic()

    def add(self, line: str) -> None:
        """Record a figure."""
        self.lines.append(line)

    def lap(self, what: str) -> None:
        """Record the seconds since the last lap, or since the start."""
        now = time.monotonic()
        self.add(f"{now - self._since:6.1f} s  {what}")
        self._since = now


@contextmanager
def running_cluster(images: Images, figures: Figures) -> Iterator[Node]:
    """A Ready node with Dapr's control plane; only its logs are left afterwards."""
    built = programs()
    archives = images.control_plane(built)
    figures.lap("images of the control plane")
    with ExitStack() as stack:
        shutil.rmtree(WORK, ignore_errors=True)  # left by a run that was killed
        stack.callback(_remove_state)
        sandbox = stack.enter_context(Sandbox(WORK, built.kubernetes / "pause", "meshlens"))
        node = Node(sandbox, built.kubernetes)
        try:
            node.start()
            figures.lap("control plane")
            for archive in archives:
                node.import_image(archive)
            figures.lap("import of its images")
            node.await_ready()
            figures.lap("node Ready")
            install_dapr(node, built)
            figures.lap("Dapr Ready")
        except Exception as error:
            for name, text in node.report().items():
                error.add_note(f"--- {name}\n{text}")
            raise
        yield node


def _remove_state() -> None:
    for part in ("inputs", "jobs", "lib", "models", "node"):
        shutil.rmtree(WORK / part, ignore_errors=True)


@contextmanager
def alone() -> Iterator[None]:
    """Allow one run at a time: a second one waits for the first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
