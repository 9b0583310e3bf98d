"""The recorder of the examples with a sidecar of its own, and the databases that it writes to."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from dapr_run import dapr_runtime
from installed import need
from mesh import ROOT, Mesh
from processes import Process, eventually, free_ports

from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS

EXAMPLE = ROOT / "examples" / "recorder"


class Postgres:
    """A server of PostgreSQL with a folder of its own. It runs as another user than root."""

    def __init__(self) -> None:
        remedy = "apt-get install postgresql"
        need("pg_ctlcluster", remedy)
        (programs, *_) = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        self._programs = programs
        self._port = next(free_ports())
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._user: Sequence[str] = ()
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
            self._user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        self._run("initdb", "--no-sync", "--auth=trust", "--username=recorder", "--locale=C.UTF-8")

    @property
    def address(self) -> str:
        """For the component."""
        return f"postgresql://recorder@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        self._run("pg_ctl", "--wait", "-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """Stop it at once."""
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")

    def close(self) -> None:
        """Stop it if it runs, and delete what it has."""
        with suppress(subprocess.CalledProcessError):  # it may be stopped
            self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._user, str(self._programs / program), "-D", str(self._folder), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


class Recorder:
    """The app and its sidecar, in a mesh.

    Args:
        mesh: that it joins.
        records: what RECORDS is.
        resources: folders of the example that its sidecar loads, after the mesh's components.
        env: further environment of the sidecar.
        components: the folder of its components instead of the mesh's pub/sub.
    """

    def __init__(
        self,
        mesh: Mesh,
        records: str,
        resources: Sequence[str],
        env: dict[str, str],
        components: Path | None = None,
    ) -> None:
        free = free_ports()
        self._mesh = mesh
        self._app_port, self._http, grpc, internal, metrics = (next(free) for _ in range(5))
        folders = [
            components or _open_pubsub(mesh),
            ROOT / "dapr",
            *(EXAMPLE / name for name in resources),
        ]
        flags = {
            "--app-id": "recorder",
            "--app-port": self._app_port,
            "--app-protocol": "http",
            "--config": ROOT / "dapr" / "config.yaml",
            "--dapr-http-port": self._http,
            "--dapr-grpc-port": grpc,
            "--dapr-internal-grpc-port": internal,
            "--dapr-listen-addresses": "127.0.0.1",
            "--metrics-port": metrics,
            "--max-body-size": "32Mi",
        }
        command = [
            str(dapr_runtime("daprd") / ".dapr" / "bin" / "daprd"),
            *(str(part) for flag in flags.items() for part in flag),
            *LOOPBACK_FLAGS,
            *(part for folder in folders for part in ("--resources-path", str(folder))),
        ]
        common = {**os.environ, "DAPR_HOST_IP": "127.0.0.1", "REDIS_HOST": mesh.redis_address}
        self._app_env = {
            **os.environ,
            "APP_PORT": str(self._app_port),
            "DAPR_HTTP_PORT": str(self._http),
            "RECORDS": records,
        }
        self.sidecar = Process("recorder-daprd", command, folder=mesh.folder, env=common | env)
        self.start()

    def start(self) -> None:
        """Start the app."""
        command = [sys.executable, str(EXAMPLE / "recorder.py")]
        self.app = Process("recorder", command, folder=self._mesh.folder, env=self._app_env)

    def await_database(self) -> None:
        """Wait until it answers what was seen."""
        far = {"from": "2000-01-01T00:00:00Z", "to": "2000-01-01T00:00:00Z"}
        eventually(lambda: self.ask(**far)[0] == 200, "the recorder answers", within=60)

    def ask(self, **options: str) -> tuple[int, Any]:
        """Call `seen` through the sidecar; return status and answer."""
        query = urlencode(options)
        url = f"http://127.0.0.1:{self._http}/v1.0/invoke/recorder/method/seen?{query}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def close(self) -> None:
        """End both."""
        self.app.kill()
        self.sidecar.kill()


def _open_pubsub(mesh: Mesh) -> Path:
    """Return a folder with the pub/sub of a mesh, for every app."""
    folder = mesh.folder / "joined"
    folder.mkdir(exist_ok=True)
    pubsub = yaml.safe_load((ROOT / f"components/{mesh.profile}/pubsub.yaml").read_text())
    del pubsub["scopes"]
    (folder / "pubsub.yaml").write_text(yaml.safe_dump(pubsub))
    return folder
