"""Where faults happen: the services with a Redis that keeps what it accepts, and all that may fail.

Redis writes each command to the disk before it answers, so that the record of events cannot lose
any. pca's outbox is on a small disk of its own, where the tests may mount one.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import redis
import yaml
from history.component import Component
from history.records import Event
from history.requests import Requests, read_event
from mesh import Mesh, Profile
from processes import Process, eventually, free_ports, is_listening

SCRIPTED = "scripted"
_DISK = "16m"
_FILLER = "filler"
_REFILL_SECONDS = 0.005
_PATIENCE = 60.0
_WAITING = re.compile(rb"^meshlens_events_waiting(?:{.*})? (\S+)", re.MULTILINE)
_RETRIED = re.compile(rb"^meshlens_events_retried_total(?:{.*})? (\S+)", re.MULTILINE)


class DurableMesh(Mesh):
    """A mesh whose Redis has again what it has accepted, however it ended."""

    def start_redis(self) -> None:
        """Start it with the log that the last one left."""
        server = shutil.which("redis-server")
        assert server, "what runs this looks for it first"
        flags = {
            "--port": str(self.redis_port),
            "--bind": "127.0.0.1",
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": "always",
            "--dir": str(self.folder),
        }
        self._start("redis", [server, *(it for pair in flags.items() for it in pair)], os.environ)
        self._await(lambda: is_listening(self.redis_port), "redis-server listens")


class Stage:
    """Entered, the services run; left, nothing does.

    Args:
        folder: for all files.

    Attributes:
        mesh: the services and their sidecars.
        component: the broker of pca while its PUBSUB is SCRIPTED.
        disk: the folder of pca's outbox; None where a disk cannot be mounted.
        requests: no body of one is another's.
    """

    def __init__(self, folder: Path) -> None:
        self.requests = Requests()
        self.folder = folder
        self.disk: Path | None = None
        self._exits = ExitStack()
        # As a socket's path has at most 107 bytes, which a test's folder may not leave.
        sockets = Path(self._exits.enter_context(tempfile.TemporaryDirectory()))
        self.component = Component(sockets / f"{SCRIPTED}.sock")
        free = free_ports()
        common = {"PUBLISH_TIMEOUT": "1"}
        self._env: Mapping[str, dict[str, str]] = {
            "pca": {**common, "METRICS_PORT": str(next(free))},
            "classify": {**common, "METRICS_PORT": str(next(free)), "DEFAULT_MODEL": "digits"},
        }
        self.mesh = DurableMesh(
            Profile.REDIS,
            folder,
            env=self._env,
            sidecar_flags=("--resources-path", str(self._write_component())),
            sidecar_env={"DAPR_COMPONENTS_SOCKETS_FOLDER": str(sockets)},
        )
        self._injectors: list[Process] = []
        self._emptied = threading.Event()
        self._filler: threading.Thread | None = None
        self._accepted = 0
        self._last = b"0-0"

    def __enter__(self) -> Self:
        try:
            self._mount_disk()
            self._exits.enter_context(self.component)
            self._exits.enter_context(self.mesh)
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._exits.close()

    def open_broker(self) -> redis.Redis:
        """Return a connection to Redis."""
        return redis.Redis(port=self.mesh.redis_port)

    def set_env(self, service: str, **values: str) -> None:
        """Set environment for the next start of a service; an empty value takes it back."""
        for name, value in values.items():
            if value:
                self._env[service][name] = value
            else:
                self._env[service].pop(name, None)

    def restart(self, service: str, **values: str) -> None:
        """Stop a service in peace, and start it with some environment changed."""
        self.mesh.stop_app(service)
        self.set_env(service, **values)
        self.mesh.start_app(service)

    def inject(self, options: tuple[str, ...]) -> None:
        """Let strace fail system calls of pca, until `release`."""
        pid = self.mesh.process("pca").pid
        command = ["strace", "-f", "-o", str(self.folder / "strace.out"), *options, "-p", str(pid)]
        injector = Process("strace", command, folder=self.folder, env=os.environ)
        self._injectors.append(injector)
        eventually(lambda: "attached" in injector.log(), "strace is attached")

    def fill_disk(self) -> None:
        """Keep the disk of pca's outbox full, until `release`."""
        disk = self.disk
        assert disk
        self._emptied.clear()

        def fill_again() -> None:
            # What SQLite gives back when it closes a database is room again.
            while not self._emptied.wait(_REFILL_SECONDS):
                _fill(disk / _FILLER)
            (disk / _FILLER).unlink()

        self._filler = threading.Thread(target=fill_again)
        self._filler.start()

    def release(self) -> None:
        """Let system calls succeed again, and give the disk room."""
        self._emptied.set()
        if self._filler:
            self._filler.join()
            self._filler = None
        while self._injectors:
            injector = self._injectors.pop()
            injector.terminate()
            injector.wait(_PATIENCE)

    # The record of events

    def mark(self) -> None:
        """Forget the events that are there."""
        self._accepted = len(self.component.accepted)
        with self.open_broker() as broker:
            newest = broker.xrevrange("results", count=1)
        self._last = newest[0][0] if newest else b"0-0"

    def read_events(self) -> list[Event]:
        """Return the events since the mark, in their order at each broker."""
        with self.open_broker() as broker:
            entries = broker.xrange("results", min=b"(" + self._last)
        found = [json.loads(fields[b"data"]) for _, fields in entries]
        found += self.component.accepted[self._accepted :]
        return [
            Event(
                identity=event["id"],
                service=event["source"],
                digest=event["data"]["input"]["sha256"],
                outcome=event["data"]["outcome"],
                facts=read_event(event["data"]),
            )
            for event in found
        ]

    def count_retries(self, service: str) -> float:
        """Return how many tries to publish have failed in this process."""
        return self._read_metric(service, _RETRIED)

    def await_empty(self) -> None:
        """Wait until no outbox has an event that waits for the broker.

        Raises:
            TimeoutError: one still has.
        """
        eventually(
            lambda: all(self._read_metric(it, _WAITING) <= 0 for it in self._env),
            "every outbox is empty",
            within=_PATIENCE,
        )

    def _read_metric(self, service: str, pattern: re.Pattern[bytes]) -> float:
        address = f"http://127.0.0.1:{self._env[service]['METRICS_PORT']}/metrics"
        with urllib.request.urlopen(address, timeout=_PATIENCE) as page:
            found = pattern.search(page.read())
        assert found, f"{service} has no metric {pattern.pattern!r}"
        return float(found[1])

    def _write_component(self) -> Path:
        folder = self.folder / "scripted"
        folder.mkdir()
        component = {
            "apiVersion": "dapr.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": SCRIPTED},
            "spec": {"type": f"pubsub.{SCRIPTED}", "version": "v1", "metadata": []},
            "scopes": ["pca"],
        }
        (folder / "scripted.yaml").write_text(yaml.safe_dump(component))
        return folder

    def _mount_disk(self) -> None:
        disk = self.folder / "disk"
        disk.mkdir()
        mount = shutil.which("mount")
        if os.geteuid() or not mount:
            return
        command = [mount, "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return
        self._exits.callback(subprocess.run, ["umount", "-l", str(disk)], check=True)
        self.disk = disk
        self.set_env("pca", OUTBOX_FOLDER=str(disk))


def _fill(filler: Path) -> None:
    """Write to a file until nothing more fits on its disk."""
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 512):
            with suppress(OSError):  # as intended
                while True:
                    file.write(bytes(size))
