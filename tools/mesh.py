"""A real mesh for tests and `make demo`: sidecars, services and Redis as processes.

    with Mesh(Profile.EMBEDDED, tmp_path) as mesh:
        answer = mesh.call("pca", "classify", "models")  # through pca's sidecar, then classify's
        mesh.kill_app("classify")
        mesh.start_app("classify")  # beside the same sidecar

It needs daprd alone, no Dapr CLI. Everything is awaited by condition. Every process leads a session
of its own and dies with it. A process that dies while the mesh starts fails the start at once, with
the end of its log.
"""

import http.client
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from dapr_run import dapr_runtime
from processes import Process, eventually, free_ports, is_listening

from meshlens.command.mesh.broker import Broker
from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.resources import place_endpoint
from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS, SERVING, Sidecar, health_through
from meshlens.command.mesh.sqlite_files import make_sqlite_files

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("pca", "classify")

_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_LOG_TAIL = 40


class Profile(StrEnum):
    """Which folder of components/ the sidecars load."""

    EMBEDDED = "embedded"
    REDIS = "redis"


@dataclass(frozen=True)
class Answer:
    """What a sidecar's HTTP API answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass(frozen=True)
class Ports:
    """The ports of one app and its sidecar."""

    app: int
    http: int
    grpc: int
    internal: int
    metrics: int
    listener: int


class Mesh:
    """Both services, each with its sidecar, on free ports, with all files in `folder`.

    Args:
        profile: the components that the sidecars load.
        folder: working directory of every process; logs are in it, one file for each process.
        components: the folder of their resources instead of the profile's.
        models: the folder that classify serves instead of the model it ships.
        services: which services to start. One with a number, such as pca.2, is another replica.
        env: further environment of the services, as {service: {name: value}}.
        sidecar_flags: further flags of every daprd.
        sidecar_env: further environment of every daprd.
        api_token: what the sidecars expect of their callers, the services among them.
        app_token: what the services expect of their sidecars.
        listens: whether the services answer HTTP themselves, and as <service>-rest in the mesh.
    """

    def __init__(
        self,
        profile: Profile,
        folder: Path,
        *,
        components: Path | None = None,
        models: Path | None = None,
        services: Sequence[str] = SERVICES,
        env: Mapping[str, Mapping[str, str]] | None = None,
        sidecar_flags: Sequence[str] = (),
        sidecar_env: Mapping[str, str] | None = None,
        api_token: str = "",
        app_token: str = "",
        listens: bool = False,
    ) -> None:
        self._listens = listens
        self.profile = profile
        self.folder = folder
        self.services = tuple(services)
        self._components = components or ROOT / "components" / profile
        self.models = models
        self._env = env or {}
        self._sidecar_flags = tuple(sidecar_flags)
        self._sidecar_env = sidecar_env or {}
        self._api_token = api_token
        self._tokens = {"DAPR_API_TOKEN": api_token, "APP_API_TOKEN": app_token}
        free = free_ports()
        self._ports = {
            name: Ports(*(next(free) for _ in Ports.__dataclass_fields__)) for name in services
        }
        self.redis_port = next(free)
        self._broker = Broker(folder / "broker.log") if profile is Profile.EMBEDDED else None
        self._processes: dict[str, Process] = {}
        self._health = "none"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start everything and return when every service answers through every sidecar.

        Raises:
            MeshError: it did not come up, which ends with the logs; nothing of it runs on.
        """
        try:
            make_sqlite_files(self.folder)
            self._write_endpoints()
            if self.profile is Profile.REDIS:
                self.start_redis()
            self.start_broker()
            for name in self.services:
                self.start_sidecar(name)
                self.launch_app(name)
            for name in self.services:
                self.await_app(name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End every process; afterwards nothing of the mesh runs."""
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._processes.values():
            with suppress(TimeoutError):  # what does not end is killed
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
        self.stop_broker()

    # Addresses

    @property
    def sidecars(self) -> dict[str, Sidecar]:
        """Where the sidecar of each service listens, by the service's name."""
        return {
            name: Sidecar(name, ports.http, ports.grpc, ports.metrics)
            for name, ports in self._ports.items()
        }

    def http(self, service: str) -> str:
        """The base URL of the HTTP API of a service's sidecar."""
        return f"http://127.0.0.1:{self._ports[service].http}"

    def http_port(self, service: str) -> int:
        """The port of the HTTP API of a service's sidecar."""
        return self._ports[service].http

    def grpc_port(self, service: str) -> int:
        """The port of the gRPC API of a service's sidecar."""
        return self._ports[service].grpc

    @property
    def redis_address(self) -> str:
        """Where the Redis of the mesh listens, or its broker."""
        return self._broker.address if self._broker else f"127.0.0.1:{self.redis_port}"

    def app_port(self, service: str) -> int:
        """The port of the service itself."""
        return self._ports[service].app

    def internal_port(self, service: str) -> int:
        """The port of a service's sidecar that other sidecars call."""
        return self._ports[service].internal

    def listener_port(self, service: str) -> int:
        """The port at which a service answers HTTP itself, if it does."""
        return self._ports[service].listener

    def process(self, name: str) -> Process:
        """A process by name: pca, pca-daprd, classify, classify-daprd, pca.2, redis."""
        return self._processes[name]

    @property
    def logs(self) -> dict[str, str]:
        """The end of each process's output, by name."""
        return {name: process.log(_LOG_TAIL) for name, process in self._processes.items()}

    # Calls

    def call(
        self,
        via: str,
        service: str,
        method: str,
        body: bytes = b"",
        *,
        verb: str = "POST",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """Invoke `method` (with its query) of `service` over the HTTP API of `via`'s sidecar."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[via].http, timeout=timeout)
        try:
            path = f"/v1.0/invoke/{service}/method/{method}"
            token = {"dapr-api-token": self._api_token} if self._api_token else {}
            connection.request(verb, path, body, {**token, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    # Faults

    def kill_app(self, service: str) -> None:
        """Kill a service without warning; its sidecar goes on."""
        self._processes[service].kill()

    def stop_app(self, service: str, seconds: float = 30.0) -> int:
        """Send SIGTERM to a service alone and return its exit code."""
        process = self._processes[service]
        process.terminate()
        return process.wait(seconds)

    def start_app(self, service: str) -> None:
        """Start a service that has ended, and wait until it can be called through its sidecar."""
        self.launch_app(service)
        self.await_app(service)

    def restart_app(self, service: str) -> None:
        """Kill a service and start it again beside the same sidecar."""
        self.kill_app(service)
        self.start_app(service)

    def kill_sidecar(self, service: str) -> None:
        """Kill the sidecar of a service without warning."""
        self._processes[f"{service}-daprd"].kill()

    def start_sidecar(self, service: str) -> None:
        """Start the sidecar of a service."""
        ports = self._ports[service]
        common = run_file()["common"]
        flags = {
            "--app-id": app_id(service),
            "--app-port": ports.app,
            "--app-protocol": common["appProtocol"],
            "--config": ROOT / "dapr" / "config.yaml",
            "--dapr-http-port": ports.http,
            "--dapr-grpc-port": ports.grpc,
            "--dapr-internal-grpc-port": ports.internal,
            "--dapr-listen-addresses": common["apiListenAddresses"],
            "--metrics-port": ports.metrics,
            "--app-health-probe-interval": common["appHealthProbeInterval"],
            "--app-health-threshold": common["appHealthThreshold"],
            "--max-body-size": common["maxBodySize"],
            "--read-buffer-size": common["readBufferSize"],
        }
        command = [
            str(dapr_runtime("daprd") / ".dapr" / "bin" / "daprd"),
            *(str(part) for flag in flags.items() for part in flag),
            "--enable-app-health-check",
            *LOOPBACK_FLAGS,
            *("--resources-path", str(self._components)),
            *("--resources-path", str(ROOT / "dapr" / "resources")),
            *("--resources-path", str(self._endpoints)),
            *self._sidecar_flags,
        ]
        env = {
            **os.environ,
            "DAPR_HOST_IP": "127.0.0.1",  # else the name registry gets the host's outer address
            "GOGC": "400",
            "REDIS_HOST": self.redis_address,
            **self._tokens,
            **self._sidecar_env,
        }
        self._start(f"{service}-daprd", command, env)

    def await_app(self, service: str) -> None:
        """Wait until a service can be called: its sidecar found it healthy, and all reach it."""
        self._await(lambda: self._is_healthy(service), f"the sidecar of {service} finds it healthy")
        for via in self.services:
            if self._processes[f"{via}-daprd"].exit_code is None:
                self._await(
                    lambda via=via: self._serves(via, service),  # type: ignore[misc] # mypy cannot infer a lambda with a default
                    f"{service} answers through the sidecar of {via}",
                )

    def launch_app(self, service: str) -> None:
        """Start a service that has ended, or never ran."""
        ports = self._ports[service]
        env = {
            **{name: value for name, value in os.environ.items() if name != "MODELS"},
            "APP_ID": app_id(service),
            "APP_PORT": str(ports.app),
            "ADMIN": "true",  # as dapr/dapr.yaml has it
            "DAPR_HTTP_PORT": str(ports.http),
            "DAPR_GRPC_PORT": str(ports.grpc),
            "DRAIN_SECONDS": "0",
            "EVENTS": "outbox",
            "METRICS_PORT": "0",
            "OUTBOX_STAYS": "true",  # as dapr/dapr.yaml has it, too
            "PUBSUB": "pubsub",
            "STATE_STORE": "statestore",
            "HTTP_PORT": str(ports.listener if self._listens else 0),
            **self._tokens,
            **({"MODELS": str(self.models)} if self.models else {}),
            **self._env.get(app_id(service), {}),
        }
        self._start(service, [sys.executable, "-m", f"meshlens.{app_id(service)}"], env)

    def start_broker(self) -> None:
        """Start the broker of the embedded profile, empty; the profile has it in `start`."""
        if self._broker:
            self._broker.start()

    def stop_broker(self) -> None:
        """End the broker of the embedded profile."""
        if self._broker:
            self._broker.close()

    def start_redis(self) -> None:
        """Start the Redis of the mesh, empty."""
        server = shutil.which("redis-server")
        if server is None:
            raise MeshError("redis-server is missing; install it: apt-get install redis-server")
        flags = {"--port": str(self.redis_port), "--bind": "127.0.0.1", "--save": ""}
        command = [server, *(part for flag in flags.items() for part in flag)]
        self._start("redis", command, os.environ)
        self._await(lambda: is_listening(self.redis_port), "redis-server listens")

    @property
    def _endpoints(self) -> Path:
        return self.folder / "endpoints"

    def _write_endpoints(self) -> None:
        self._endpoints.mkdir(exist_ok=True)
        for name in self.services if self._listens else ():
            file = f"{name}-rest.yaml"
            env = {**self._tokens, **self._env.get(name, {})}
            endpoint = place_endpoint(file, self._ports[name].listener, env)
            (self._endpoints / file).write_text(yaml.safe_dump(endpoint))

    def _start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._processes[name] = Process(name, command, folder=self.folder, env=env)

    def _is_healthy(self, service: str) -> bool:
        """Whether the service's own sidecar passes calls on, which it tells in its log alone."""
        log = self._processes[f"{service}-daprd"].log()
        return log.rfind("App entered healthy") > log.rfind("App entered un-healthy")

    def _serves(self, via: str, service: str) -> bool:
        self._health = health_through(self._ports[via].grpc, app_id(service), self._api_token)
        return self._health == SERVING

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        def unless_dead() -> bool:
            dead = [
                process
                for process in self._processes.values()
                if process.exit_code is not None and not process.may_end
            ]
            if dead:
                ends = (
                    f"{it.name} ended with code {it.exit_code}:\n{it.log(_LOG_TAIL)}" for it in dead
                )
                raise MeshError("\n".join(ends))
            return condition()

        try:
            eventually(unless_dead, what, within=_START_SECONDS)
        except TimeoutError as error:
            logs = "\n".join(f"--- {name}\n{log}" for name, log in self.logs.items())
            raise MeshError(f"{error}; last answer: {self._health}\n{logs}") from None


def app_id(service: str) -> str:
    """The name in the mesh of a service, or of a replica of it."""
    return service.partition(".")[0]


@cache
def run_file() -> dict[str, dict[str, str]]:
    """What `dapr run` reads, so that tests and `make run` start the same sidecars."""
    content: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "dapr" / "dapr.yaml").read_text())
    return content
