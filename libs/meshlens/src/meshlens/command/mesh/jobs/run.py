"""The third app beside a mesh: what it needs of Dapr, its sidecar, and itself."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import yaml

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.jobs.supervision import Program, Supervisor
from meshlens.command.mesh.ports import free_ports
from meshlens.command.mesh.processes import eventually
from meshlens.command.mesh.programs import Programs
from meshlens.command.mesh.resources import Resources, place_jobstore
from meshlens.command.mesh.sidecars import SERVING, Sidecar, health_through

APP = "jobs"

_START_SECONDS = 60.0
_LOG_LINES = 15
_LOOPBACK = "127.0.0.1"
# From the base of a mesh's ports to the first port of each kind; dapr/dapr.yaml has the layout.
_THIRD = 3
_STEPS = {"http": 0, "grpc": 10, "internal": 20, "metrics": 30, "app": 40, "app_metrics": 50}
_CONTROL = 70


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of jobs, and of what it needs of Dapr."""

    http: int
    grpc: int
    internal: int
    metrics: int
    app: int
    app_metrics: int
    placement: int
    placement_health: int
    placement_metrics: int
    placement_raft: int
    scheduler: int
    scheduler_health: int
    scheduler_metrics: int
    etcd_client: int
    etcd_peer: int

    @classmethod
    def of(cls, base: int | None) -> "Ports":
        """Return the ports that are counted from a base; None for any free ones."""
        names = [field.name for field in fields(cls)]
        if base is None:
            free = free_ports()
            return cls(**{name: next(free) for name in names})
        own = {name: base + _THIRD + step for name, step in _STEPS.items()}
        others = [name for name in names if name not in own]
        return cls(**own, **{name: base + _CONTROL + at for at, name in enumerate(others)})

    def uses(self) -> dict[int, str]:
        """Return what each port is for."""
        return {
            getattr(self, field.name): f"{field.name.replace('_', ' ')} of {APP}"
            for field in fields(self)
        }


class JobsRun:
    """Jobs, from `start` to `close`; whatever of it ends meanwhile is started again.

    Args:
        folder: where all of it works.
        programs: Dapr's, with placement and scheduler.
        resources: of the mesh, as `write_resources` has written them.
        common: what the run file says of all apps.
        env: of the mesh.
        ports: of it.

    Attributes:
        ports: the same.
        sidecar: where its sidecar listens.
    """

    def __init__(
        self,
        folder: Path,
        programs: Programs,
        resources: Resources,
        *,
        common: Mapping[str, Any],
        env: Mapping[str, str],
        ports: Ports,
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._resources = resources
        self._common = common
        self._env = env
        self.ports = ports
        self.sidecar = Sidecar(APP, ports.http, ports.grpc, ports.metrics)
        logs = folder / ".dapr" / "logs"
        self.supervisor = Supervisor(folder, logs, [*self._control_plane(), *self._app()])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start all of it, and return when the app serves and works.

        Raises:
            MeshError: it is not installed, or did not come up; nothing of it runs on.
        """
        if find_spec("meshlens.jobs") is None:
            raise MeshError(
                "jobs needs meshlens-jobs, not installed;"
                " in a clone of Meshlens: uv tool install './libs/meshlens[jobs]'"
            )
        try:
            self._write_resources()
            self.supervisor.start()
            try:
                eventually(self._is_up, f"{APP} serves and works", within=_START_SECONDS)
            except TimeoutError as error:
                raise MeshError(f"{self._ends()}{error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all of it."""
        self.supervisor.close()

    def count_workers(self) -> int:
        """Return how many workers are connected to the sidecar; 0 while it does not answer."""
        return _count_workers(self._read_metadata())

    def has_engine(self) -> bool:
        """Return whether the sidecar has its app, workers and a scheduler."""
        metadata = self._read_metadata()
        return (
            _count_workers(metadata) > 0
            and bool(metadata.get("scheduler", {}).get("connected_addresses"))
            and self.sidecar.has_found_its_app()
        )

    def _is_up(self) -> bool:
        token = self._env.get("DAPR_API_TOKEN", "")
        return health_through(self.ports.grpc, APP, token) == SERVING and self.has_engine()

    def _read_metadata(self) -> Mapping[str, Any]:
        """Return what the sidecar says of itself; nothing while it does not answer."""
        request = urllib.request.Request(
            f"http://{_LOOPBACK}:{self.ports.http}/v1.0/metadata", headers=self._token()
        )
        try:
            with urllib.request.urlopen(request, timeout=1) as answer:  # noqa: S310 - our own sidecar
                metadata: dict[str, Any] = json.load(answer)
        except OSError:
            return {}
        return metadata

    def _token(self) -> dict[str, str]:
        token = self._env.get("DAPR_API_TOKEN", "")
        return {"dapr-api-token": token} if token else {}

    def _ends(self) -> str:
        """Return the end of each log."""
        names = ("placement", "scheduler", f"{APP}-daprd", APP)
        ends = ((name, self.supervisor.log(name).splitlines()[-_LOG_LINES:]) for name in names)
        return "".join("\n".join([f"--- {name}", *lines, ""]) for name, lines in ends)

    @property
    def _own(self) -> Path:
        """The folder of components that only jobs loads."""
        return self._resources.runtime / "jobs"

    def _write_resources(self) -> None:
        self._own.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(place_jobstore(self._folder), sort_keys=False)
        (self._own / "jobstore.yaml").write_text(text, encoding="utf-8")

    def _control_plane(self) -> Iterator[Program]:
        ports = self.ports
        placement = {
            "--port": ports.placement,
            "--listen-address": _LOOPBACK,
            "--healthz-port": ports.placement_health,
            "--healthz-listen-address": _LOOPBACK,
            "--metrics-port": ports.placement_metrics,
            "--metrics-listen-address": _LOOPBACK,
            "--initial-cluster": f"dapr-placement-0={_LOOPBACK}:{ports.placement_raft}",
        }
        scheduler = {
            "--port": ports.scheduler,
            "--listen-address": _LOOPBACK,
            "--healthz-port": ports.scheduler_health,
            "--healthz-listen-address": _LOOPBACK,
            "--metrics-port": ports.scheduler_metrics,
            "--metrics-listen-address": _LOOPBACK,
            "--override-broadcast-host-port": f"{_LOOPBACK}:{ports.scheduler}",
            "--etcd-data-dir": self._folder / ".dapr" / "scheduler",
            "--etcd-client-port": ports.etcd_client,
            "--etcd-client-listen-address": _LOOPBACK,
            "--etcd-initial-cluster": f"dapr-scheduler-server-0=http://{_LOOPBACK}:{ports.etcd_peer}",
        }
        for name, program, flags in (
            ("placement", self._programs.placement, placement),
            ("scheduler", self._programs.scheduler, scheduler),
        ):
            words = (str(word) for flag in flags.items() for word in flag)
            yield Program(name, [str(program), *words], self._env)

    def _app(self) -> Iterator[Program]:
        ports, common = self.ports, self._common
        flags = {
            "--app-id": APP,
            "--app-port": ports.app,
            "--app-protocol": "grpc",
            "--config": self._resources.config,
            "--dapr-http-port": ports.http,
            "--dapr-grpc-port": ports.grpc,
            "--dapr-internal-grpc-port": ports.internal,
            "--dapr-listen-addresses": _LOOPBACK,
            "--metrics-port": ports.metrics,
            "--app-health-probe-interval": 1,
            "--app-health-threshold": 3,
            "--max-body-size": common["maxBodySize"],
            "--read-buffer-size": common["readBufferSize"],
            "--placement-host-address": f"{_LOOPBACK}:{ports.placement}",
            "--scheduler-host-address": f"{_LOOPBACK}:{ports.scheduler}",
        }
        command = [
            str(self._resources.runtime / ".dapr" / "bin" / "daprd"),
            *(str(word) for flag in flags.items() for word in flag),
            "--enable-app-health-check",
            *("--resources-path", str(self._resources.components)),
            *("--resources-path", str(self._own)),
        ]
        yield Program(f"{APP}-daprd", command, self._env)
        settings = {
            "APP_ID": APP,
            "APP_PORT": str(ports.app),
            "DAPR_HTTP_PORT": str(ports.http),
            "DAPR_GRPC_PORT": str(ports.grpc),
            "METRICS_PORT": str(ports.app_metrics),
            "SHOW_EVENTS": self._env.get("SHOW_EVENTS", "100"),
            "ADMIN": self._env.get("ADMIN", "true"),
            "JOB_INPUTS": self._env.get("JOB_INPUTS", str(Path.home())),
        }
        app = [sys.executable, "-m", "meshlens.jobs"]
        yield Program(APP, app, {**self._env, **settings})


def _count_workers(metadata: Mapping[str, Any]) -> int:
    return int(metadata.get("workflows", {}).get("connectedWorkers", 0))
