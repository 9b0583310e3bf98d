"""The mesh by the real Dapr CLI: `make run` starts it, prints its addresses and waits for Ctrl-C.

`dapr run` reads dapr/dapr.yaml; what changes from run to run is put in on the way: the profile's
components, the sidecars' limit for MAX_BODY and, on request, free ports and another folder.
"""

import argparse
import contextlib
import itertools
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import eventually, free_ports, kill_group
from pydantic import TypeAdapter, ValidationError
from sqlite_files import make_sqlite_files

from meshlens.daprkit.settings import Bytes

ROOT = Path(__file__).resolve().parent.parent
RUN_FILE = ROOT / "dapr" / "dapr.yaml"
SERVING = "SERVING"
# By default daprd listens on every address at these two ports, whatever its API listens on, and
# the one between sidecars takes calls without a token.
LOOPBACK_FLAGS = (
    *("--dapr-internal-grpc-listen-address", "127.0.0.1"),
    *("--metrics-listen-address", "127.0.0.1"),
)

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_HEALTH_SECONDS = 10.0
_ASKED = re.compile(
    rb'^dapr_grpc_io_client_completed_rpcs\{.*AppCallback/ListTopicSubscriptions".*"OK"\} [1-9]',
    re.MULTILINE,
)
_LOG_TAIL = 15
_PORT_KEYS = ("appPort", "daprHTTPPort", "daprGRPCPort", "daprInternalGRPCPort", "metricsPort")


# What the CLI writes into a program's log when it has ended; the CLI itself goes on.
_ENDED = re.compile(r"(The \w+ process exited|Exited (App|Dapr)).*")


class RunError(Exception):
    """The mesh did not come up; the message says what to do."""


@dataclass(frozen=True)
class Sidecar:
    """Where the sidecar of an app listens."""

    app: str
    http: int
    grpc: int
    metrics: int

    def url(self, app: str, method: str) -> str:
        """The address of a method of any app in the mesh, through this sidecar."""
        return f"http://127.0.0.1:{self.http}/v1.0/invoke/{app}/method/{method}"


class DaprRun:
    """The mesh, started by `dapr run -f` when the context is entered and gone when it is left.

    Args:
        profile: the folder of components/ that the sidecars load.
        folder: working directory of sidecars and services; they write to .dapr in it.
        any_ports: take free ports instead of those of dapr.yaml.
        output: where the CLI's and the services' output goes; None for this program's own.
    """

    def __init__(
        self,
        profile: str = "embedded",
        folder: Path = ROOT,
        *,
        any_ports: bool = False,
        output: IO[bytes] | None = None,
    ) -> None:
        self._folder = folder
        self._output = output
        self._content = run_file(profile, folder, any_ports=any_ports)
        self._env = _environment(profile)
        self._api_token = self._env.get("DAPR_API_TOKEN", "")
        self._log_folder = folder / ".dapr" / "logs"
        self._earlier = set(self._log_folder.glob("*.log"))
        self.sidecars = {
            app["appID"]: Sidecar(
                app["appID"], app["daprHTTPPort"], app["daprGRPCPort"], app["metricsPort"]
            )
            for app in self._content["apps"]
        }

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
            RunError: it did not come up; nothing of it runs on.
        """
        programs = dapr_runtime() / ".dapr" / "bin"
        make_sqlite_files(self._folder)
        wrapped = wrap_daprd(programs / "daprd", self._folder / ".dapr" / "loopback")
        self._env["DAPR_RUNTIME_PATH"] = str(wrapped)
        self._cli = subprocess.Popen(  # noqa: S603 - the Dapr CLI
            [programs / "dapr", "run", "-f", "-"],
            cwd=RUN_FILE.parent,  # the run file's paths are relative to it
            env=self._env,
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
            self._wait_for_health()
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
        self._cli.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._cli.wait(_STOP_SECONDS)
        kill_group(self._cli)

    def _wait_for(self, app: str, sidecar: Sidecar) -> None:
        """Wait until the app's health check answers SERVING through the sidecar."""

        def serves() -> bool:
            if self._cli.poll() is not None:
                raise RunError(f"{self._logs()}dapr run ended with code {self._cli.returncode}")
            for path, log in self._written():
                if ended := _ENDED.search(log):
                    name = path.name.split("_")[0]
                    raise RunError(f"{self._logs()}{name}, while the mesh started: {ended[0]}")
            return health_through(sidecar.grpc, app, self._api_token) == SERVING

        what = f"{app} serves through the sidecar of {sidecar.app}"
        self._await(serves, what, _START_SECONDS)

    def _wait_for_health(self) -> None:
        """Wait until each sidecar has found its app healthy, because until then it refuses calls.

        It does not say so, but then asks the app for its subscriptions, and counts its questions.
        """
        for sidecar in self.sidecars.values():
            what = f"the sidecar of {sidecar.app} finds it healthy"
            self._await(partial(_has_asked, sidecar), what, _HEALTH_SECONDS)

    def _await(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            eventually(condition, what, within=seconds)
        except TimeoutError as error:
            raise RunError(f"{self._logs()}{error}") from None

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


def wrap_daprd(daprd: Path, runtime: Path) -> Path:
    """Return `runtime`, made a folder for DAPR_RUNTIME_PATH whose daprd listens on loopback only.

    `dapr run` has no option for the flags, and a run file no key.
    """
    wrapper = runtime / ".dapr" / "bin" / "daprd"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.join([str(daprd), *LOOPBACK_FLAGS])
    wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return runtime


def health_through(port: int, app: str, api_token: str = "") -> str:
    """Return the status that an app's health check answers through a sidecar, or why it does not.

    Args:
        port: the sidecar's gRPC port.
        app: the app's name in the mesh.
        api_token: the dapr-api-token that the sidecar expects, if any.
    """
    token = (("dapr-api-token", api_token),) if api_token else ()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(),
                metadata=(("dapr-app-id", app), *token),
                timeout=2,
            )
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    status: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return status


def _has_asked(sidecar: Sidecar) -> bool:
    """Whether a sidecar's metrics count an answered question for the app's subscriptions."""
    address = f"http://127.0.0.1:{sidecar.metrics}/metrics"
    with urllib.request.urlopen(address, timeout=1) as metrics:
        return bool(_ASKED.search(metrics.read()))


def run_file(profile: str, folder: Path, *, any_ports: bool = False) -> dict[str, Any]:
    """Return dapr.yaml with this run's components, limit, folder and ports.

    Raises:
        RunError: MAX_BODY is no number of bytes.
    """
    content: dict[str, Any] = yaml.safe_load(RUN_FILE.read_text())
    common = content["common"]
    common["resourcesPaths"] = [
        path.replace("/embedded", f"/{profile}") for path in common["resourcesPaths"]
    ]
    if limit := os.environ.get("MAX_BODY"):
        common["maxBodySize"] = str(2 * _bytes(limit))
    ports = free_ports()
    for app in content["apps"]:
        app["appDirPath"] = str(folder)
        if any_ports:
            app |= {key: next(ports) for key in _PORT_KEYS}
            app["env"]["METRICS_PORT"] = next(ports)
    return content


def _environment(profile: str) -> dict[str, str]:
    """Return the environment of the CLI, which its sidecars and services inherit."""
    env = {"GOGC": "400", "REDIS_HOST": "localhost:6379"} | dict(os.environ)
    # `python` in dapr.yaml is the interpreter that runs this.
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    if profile == "redis":
        host, _, port = env["REDIS_HOST"].rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except (OSError, ValueError) as error:
            raise RunError(
                f"PROFILE=redis needs Redis at REDIS_HOST={env['REDIS_HOST']}, got: {error};"
                " start one (redis-server) or name another as REDIS_HOST=host:port"
            ) from error
    return env


@cache
def dapr_runtime(*programs: str) -> Path:
    """Return the folder whose .dapr/bin holds Dapr's programs; what is missing is fetched or built.

    Args:
        programs: which are needed; daprd and dapr, the CLI, if none is named.

    Raises:
        RunError: it cannot be; the reason is on stderr.
    """
    try:
        finder = subprocess.run(  # noqa: S603 - a program of this repository
            [ROOT / "tools" / "dapr-bin", *programs], stdout=subprocess.PIPE, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        raise RunError("Dapr's programs are missing; see the message above") from error
    return Path(finder.stdout.strip())


def _bytes(quantity: str) -> int:
    """Return the bytes of a quantity such as 16777216 or 16Mi, as the services read it."""
    try:
        return int(TypeAdapter(Bytes).validate_python(quantity))
    except ValidationError as error:
        raise RunError(
            f"MAX_BODY must be bytes, or a number with a unit (16Mi), got {quantity!r}"
        ) from error


def _main() -> int:
    parser = argparse.ArgumentParser(description="Run the mesh until Ctrl-C.")
    parser.add_argument("--profile", default="embedded", choices=("embedded", "redis"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops as cleanly as Ctrl-C
    try:
        with DaprRun(parser.parse_args().profile) as run:
            pca, classify = run.sidecars["pca"], run.sidecars["classify"]
            curl = "curl"
            if os.environ.get("DAPR_API_TOKEN"):
                curl = 'curl -H "dapr-api-token: $DAPR_API_TOKEN"'
            print(
                "\nThe mesh is up; Ctrl-C stops it. Any sidecar reaches any app:\n"
                f"  {curl} --data-binary @examples/points/iris.csv {classify.url('pca', 'plot')}"
                " > iris.svg\n"
                f"  {curl} -H 'content-type: image/png' --data-binary @picture.png"
                f" {pca.url('classify', 'classify')}\n"
                "Sidecars: "
                + ", ".join(
                    f"{app} http://127.0.0.1:{sidecar.http} (HTTP), 127.0.0.1:{sidecar.grpc} (gRPC)"
                    for app, sidecar in run.sidecars.items()
                ),
                flush=True,
            )
            return run.wait()
    except RunError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe mesh has stopped.")
        return 0


if __name__ == "__main__":
    sys.exit(_main())
