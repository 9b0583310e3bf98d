"""One run of the mesh: from `dapr run -f` to the end of everything it started."""

import contextlib
import itertools
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import yaml

from meshlens.command.mesh.broker import Broker
from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.fragment import join_app, read_fragment
from meshlens.command.mesh.jobs.run import JobsRun, Ports
from meshlens.command.mesh.ports import BASE, check_ports
from meshlens.command.mesh.processes import eventually, kill_group
from meshlens.command.mesh.programs import Programs
from meshlens.command.mesh.resources import locate_resources, write_resources
from meshlens.command.mesh.run_file import (
    compose_environment,
    compose_run_file,
    list_listeners,
    list_ports,
)
from meshlens.command.mesh.sidecars import SERVING, Sidecar, health_through
from meshlens.command.mesh.sqlite_files import make_sqlite_files

EMBEDDED = "embedded"

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_HEALTH_SECONDS = 10.0
_LOG_TAIL = 15

# What the CLI writes into a program's log when it has ended; the CLI itself goes on.
_ENDED = re.compile(r"(The \w+ process exited|Exited (App|Dapr)).*")


class MeshRun:
    """The mesh, started by `dapr run -f` when the context is entered and gone when it is left.

    Args:
        folder: where sidecars and services work; they write to .dapr in it.
        programs: Dapr's.
        profile: the components that the sidecars load.
        base: what the ports are counted from; None for any free ones.
        apps: further apps that may use the components.
        join: a run file with apps to run beside the services, which may use the components.
        listens: whether the services answer HTTP themselves, too.
        jobs: whether the third service runs, too.
        output: where the CLI's and the services' output goes; None for this program's own.

    Attributes:
        programs: Dapr's.
        resources: what the sidecars load.
        scopes: the apps that may use the components.
        limit: the largest body that the sidecars pass on, as `dapr run --max-body-size` takes it.
        sidecars: where each listens, by its app.
        jobs: the third service, if it runs.
        listeners: the port at which a service answers HTTP itself, by its app.

    Raises:
        MeshError: a setting is wrong.
    """

    def __init__(
        self,
        folder: Path,
        programs: Programs,
        *,
        profile: str = EMBEDDED,
        base: int | None = BASE,
        apps: Sequence[str] = (),
        join: Path | None = None,
        listens: bool = False,
        jobs: bool = False,
        output: IO[bytes] | None = None,
    ) -> None:
        self._folder = folder
        self.programs = programs
        self._output = output
        self._env = compose_environment(profile)
        self._log_folder = folder / ".dapr" / "logs"
        self._broker: Broker | None = None
        if profile == EMBEDDED:
            self._broker = Broker(self._log_folder / "broker.txt")
            self._env["REDIS_HOST"] = self._broker.address
        joined = read_fragment(join) if join else []
        self._apps = (*apps, *(app["appID"] for app in joined))
        self._profile = profile
        self.resources = locate_resources(folder, profile)
        self._content = compose_run_file(folder, self.resources, base, listens=listens)
        self.listeners = list_listeners(self._content)
        self.limit: str = self._content["common"]["maxBodySize"]
        self._api_token = self._env.get("DAPR_API_TOKEN", "")
        self._earlier = set(self._log_folder.glob("*.log"))
        self.sidecars = {
            app["appID"]: Sidecar(
                app["appID"], app["daprHTTPPort"], app["daprGRPCPort"], app["metricsPort"]
            )
            for app in self._content["apps"]
        }
        self._content["apps"] += [join_app(app, self.resources) for app in joined]
        self.scopes = (*self.sidecars, *self._apps)
        self.jobs: JobsRun | None = None
        if jobs:
            self.jobs = JobsRun(
                folder,
                programs,
                self.resources,
                common=self._content["common"],
                env=self._env,
                ports=Ports.of(base),
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the mesh and return when every app serves through every sidecar.

        Raises:
            MeshError: it did not come up; nothing of it runs on.
        """
        check_ports(list_ports(self._content) | (self.jobs.ports.uses() if self.jobs else {}))
        write_resources(
            self._folder,
            self._profile,
            self._apps,
            self.programs.daprd,
            self._env,
            listeners=self.listeners,
        )
        make_sqlite_files(self._folder)
        if self._broker:
            self._broker.start()
        self._cli = subprocess.Popen(  # noqa: S603 - the Dapr CLI
            [self.programs.dapr, "run", "-f", "-"],
            cwd=self._folder,
            env=self._env | {"DAPR_RUNTIME_PATH": str(self.resources.runtime)},
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT if self._output else None,
            # The CLI makes itself the leader of a group, out of the reach of Ctrl-C; so it is one
            # from the start, and its group is what is ended here.
            process_group=0,
        )
        try:
            assert self._cli.stdin is not None  # noqa: S101 - it was asked for, mypy cannot know
            with self._cli.stdin as stdin:
                stdin.write(yaml.safe_dump(self._content).encode())
            for app, sidecar in itertools.product(self.sidecars, self.sidecars.values()):
                self._wait_for(app, sidecar)
            for sidecar in self.sidecars.values():
                what = f"the sidecar of {sidecar.app} finds it healthy"
                self._await(sidecar.has_found_its_app, what, _HEALTH_SECONDS)
            if self.jobs:
                self.jobs.start()
        except BaseException:
            self.close()
            raise

    def wait(self) -> int:
        """Return the CLI's exit code when it ends by itself."""
        return self._cli.wait()

    def close(self) -> None:
        """Stop the CLI, which stops the rest; what is left after some seconds is killed."""
        # From here on a second Ctrl-C would leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.jobs:
            self.jobs.close()
        self._cli.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._cli.wait(_STOP_SECONDS)
        kill_group(self._cli)
        if self._broker:
            self._broker.close()

    def _wait_for(self, app: str, sidecar: Sidecar) -> None:
        """Wait until the app's health check answers SERVING through the sidecar."""

        def serves() -> bool:
            if self._cli.poll() is not None:
                raise MeshError(f"{self._logs()}dapr run ended with code {self._cli.returncode}")
            for path, log in self._written():
                name = path.name.split("_")[0]
                if name in self.sidecars and (ended := _ENDED.search(log)):
                    raise MeshError(f"{self._logs()}{name}, while the mesh started: {ended[0]}")
            return health_through(sidecar.grpc, app, self._api_token) == SERVING

        what = f"{app} serves through the sidecar of {sidecar.app}"
        self._await(serves, what, _START_SECONDS)

    def _await(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            eventually(condition, what, within=seconds)
        except TimeoutError as error:
            raise MeshError(f"{self._logs()}{error}") from None

    def _written(self) -> Iterator[tuple[Path, str]]:
        """Yield the logs of this run: of each app, then of each sidecar."""
        for path in sorted(set(self._log_folder.glob("*.log")) - self._earlier):
            yield path, path.read_text(errors="replace")

    def _logs(self) -> str:
        """What matters of the logs: the end of the apps', the errors of the sidecars'."""
        text = ""
        for path, log in self._written():
            lines = log.splitlines()
            if "_daprd_" in path.name:
                lines = [line for line in lines if re.search("level=(error|fatal)", line)]
            text += "\n".join([f"--- {path}", *lines[-_LOG_TAIL:], ""])
        return text
