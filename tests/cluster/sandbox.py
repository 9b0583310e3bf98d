"""Namespaces of their own for a whole Kubernetes node: processes, mounts and network.

Ending process 1 of the sandbox ends all that runs in it, however it was started, and with the last
process the kernel drops its mounts and its network. Nothing is left behind, not even when the test
run itself is killed: process 1 dies with it.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from mesh import Process, eventually

ADDRESS = "10.99.0.1"
CGROUP = "meshlens"

# Inside, the usual places of containerd, kubelet and CNI are folders of this run. The kubelet needs
# a default route; it leads nowhere, so pods reach nothing outside.
_FURNISH = f"""
mount -t tmpfs tmpfs /run
mount --bind "$1" /var/lib
mount --bind "$2" /var/log
ip link set lo up
ip link add eth0 type veth peer name outside
ip address add {ADDRESS}/24 dev eth0
ip link set outside up
ip link set eth0 up
ip route add default via 10.99.0.254
"""

_CGROUPS = Path("/sys/fs/cgroup")


class SandboxError(Exception):
    """A command in the sandbox failed; the message holds what it wrote."""


class Sandbox:
    """The namespaces, with all files in `folder`.

    Args:
        folder: logs are in `log`, and the state of what runs inside in `lib`.
        pause: the program that is process 1.
    """

    def __init__(self, folder: Path, pause: Path) -> None:
        self.folder = folder
        self.logs = folder / "log"
        self._state = folder / "lib"
        self._pause = pause
        self._outer: Process | None = None
        self._enter: list[str] = []

    def __enter__(self) -> Self:
        for part in (self.logs, self._state):
            part.mkdir(parents=True)
        _remove_cgroups()
        for hierarchy in _hierarchies():
            (hierarchy / CGROUP).mkdir()
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything inside."""
        if self._outer is not None:
            self._outer.kill()
        eventually(_remove_cgroups, "nothing runs in the sandbox's cgroups")

    def start(self, name: str, command: Sequence[str | Path], **env: str) -> Process:
        """Start a program inside; its output goes to `log/<name>.log`."""
        return Process(
            name,
            [*self._enter, *map(str, command)],
            folder=self.logs,
            env={**os.environ, **env},
        )

    def run(self, command: Sequence[str | Path], *, stdin: str = "", timeout: float = 120.0) -> str:
        """Run a program inside and return its output.

        Raises:
            SandboxError: it did not end with 0, or not in time.
        """
        line = " ".join(map(str, command))
        try:
            done = subprocess.run(
                [*self._enter, *map(str, command)],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"not within {timeout} s: {line}\n{error.stderr!r}") from None
        if done.returncode != 0:
            raise SandboxError(f"{line} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def popen(self, command: Sequence[str | Path]) -> subprocess.Popen[str]:
        """Start a program inside whose streams the caller holds."""
        return subprocess.Popen(
            [*self._enter, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _open(self) -> None:
        new = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
        outer = Process("pause", [*new, str(self._pause)], folder=self.logs, env=os.environ)
        self._outer = outer

        def first_process() -> int | None:
            if outer.exit_code is not None:
                raise SandboxError(f"unshare ended with {outer.exit_code}:\n{outer.log()}")
            children = psutil.Process(outer.pid).children()
            ready = [child.pid for child in children if child.name() == self._pause.name]
            return ready[0] if ready else None

        target = eventually(first_process, "process 1 of the sandbox runs")
        self._enter = ["nsenter", f"--target={target}", "--mount", "--pid", "--net", "--"]
        self.run(["sh", "-euc", _FURNISH, "sh", self._state, self.logs])


def _hierarchies() -> list[Path]:
    """Where a group must be made: in the one hierarchy of cgroup v2, in each of v1."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def _remove_cgroups() -> bool:
    """Remove the sandbox's control groups; tells whether they are gone."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / CGROUP, topdown=False):
            with suppress(OSError):  # what ends is still in it
                Path(folder).rmdir()
    return not any((hierarchy / CGROUP).exists() for hierarchy in _hierarchies())
