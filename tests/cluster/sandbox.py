"""Separate process, mount and network namespaces for a whole Kubernetes node.

Ending process 1 of the sandbox ends everything in it, however it was started, and with the last
process the kernel removes its mounts and its network. Nothing is left behind, even if the test run
itself is killed: process 1 dies with it.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from processes import Process, eventually

ADDRESS = "10.99.0.1"

# Inside, the usual folders of containerd, kubelet and CNI belong to this run. The kubelet needs a
# default route; it leads nowhere, so pods cannot reach anything outside.
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
_KINDS = ("mnt", "net", "pid")
_END_SECONDS = 60.0


class SandboxError(Exception):
    """A command in the sandbox failed; the message holds its output."""


class Sandbox:
    """The namespaces, with all files in `folder`.

    Args:
        folder: logs go to `log`, the state of the programs inside to `lib`.
        pause: the program for process 1.
        cgroup: the control group of everything inside; no other sandbox may use it.
    """

    def __init__(self, folder: Path, pause: Path, cgroup: str) -> None:
        self.folder = folder
        self.cgroup = cgroup
        self.logs = folder / "log"
        self._state = folder / "lib"
        self._pause = pause
        self._started: list[Process] = []
        self._enter: list[str] = []
        self._namespaces: set[str] = set()

    def __enter__(self) -> Self:
        for part in (self.logs, self._state):
            part.mkdir(parents=True)
        self._remove_cgroups()
        for hierarchy in _hierarchies():
            (hierarchy / self.cgroup).mkdir()
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
        """End everything inside, and wait until nothing is left.

        Raises:
            TimeoutError: a process or a control group remains.
        """
        for process in self._started:
            process.kill()
        for empty, what in (
            (lambda: not self.processes(), "no process is in the sandbox's namespaces"),
            (self._remove_cgroups, "nothing runs in the sandbox's control groups"),
        ):
            eventually(empty, what, within=_END_SECONDS)

    def processes(self) -> list[int]:
        """The processes in the sandbox's namespaces, which last as long as any is in them."""
        return [pid for pid in psutil.pids() if self._namespaces & set(_namespaces_of(pid))]

    def start(self, name: str, command: Sequence[str | Path], **env: str) -> Process:
        """Start a program inside; its output goes to `log/<name>.log`."""
        process = Process(
            name,
            [*self._enter, *map(str, command)],
            folder=self.logs,
            env={**os.environ, **env},
        )
        self._started.append(process)
        return process

    def run(
        self, command: Sequence[str | Path], *, stdin: str | bytes = "", timeout: float = 120.0
    ) -> str:
        """Run a program inside and return its output.

        Raises:
            SandboxError: it failed, or did not end in time.
        """
        line = " ".join(map(str, command))
        try:
            done = subprocess.run(
                [*self._enter, *map(str, command)],
                input=stdin if isinstance(stdin, bytes) else stdin.encode(),
                capture_output=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"no end within {timeout} s: {line}\n{error.stderr!r}") from None
        printed = done.stdout.decode()
        if done.returncode != 0:
            complaint = f"{printed}{done.stderr.decode()}"
            raise SandboxError(f"{line} ended with {done.returncode}\n{complaint}")
        return printed

    def popen(self, command: Sequence[str | Path]) -> subprocess.Popen[str]:
        """Start a program inside; the caller owns its streams."""
        return subprocess.Popen(
            [*self._enter, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes_in(self, group: str) -> set[int]:
        """The processes in the control groups of this name and in the groups below them."""
        return {
            int(pid)
            for hierarchy in _hierarchies()
            for listing in (hierarchy / self.cgroup).rglob("cgroup.procs")
            if group in listing.parts
            for pid in listing.read_text().split()
        }

    def _open(self) -> None:
        new = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
        outer = self.start("pause", [*new, self._pause])

        def first_process() -> int:
            if outer.exit_code is not None:
                raise SandboxError(f"unshare ended with {outer.exit_code}:\n{outer.log()}")
            children = psutil.Process(outer.pid).children()
            ready = [child.pid for child in children if child.name() == self._pause.name]
            return ready[0] if ready else 0

        target = eventually(first_process, "process 1 of the sandbox runs")
        self._namespaces = set(_namespaces_of(target))
        self._enter = ["nsenter", f"--target={target}", "--mount", "--pid", "--net", "--"]
        self.run(["sh", "-euc", _FURNISH, "sh", self._state, self.logs])

    def _remove_cgroups(self) -> bool:
        """Remove the sandbox's control groups; return whether they are gone."""
        for hierarchy in _hierarchies():
            for folder, _, _ in os.walk(hierarchy / self.cgroup, topdown=False):
                with suppress(OSError):  # a process in it is still ending
                    Path(folder).rmdir()
        return not any((hierarchy / self.cgroup).exists() for hierarchy in _hierarchies())


def _hierarchies() -> list[Path]:
    """Where to create a group: in the one hierarchy of cgroup v2, or in each of v1."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def _namespaces_of(pid: int) -> list[str]:
    """The names of a process's namespaces; none if it has ended."""
    try:
        return [str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in _KINDS]
    except OSError:
        return []
