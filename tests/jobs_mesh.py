"""Jobs as they run on a host, for tests: as `meshlens up --jobs`, without pca and classify."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from dapr_run import dapr_runtime
from job_kinds import JOB_KINDS
from mesh import run_file
from processes import eventually

from meshlens.command.mesh.broker import Broker
from meshlens.command.mesh.jobs.run import JobsRun, Ports
from meshlens.command.mesh.programs import Programs
from meshlens.command.mesh.resources import write_resources
from meshlens.command.mesh.sqlite_files import make_sqlite_files

ROOT = Path(__file__).resolve().parent.parent
CALL_SECONDS = 30.0
ENDED = {"completed", "failed", "cancelled", "stopped"}


@dataclass(frozen=True)
class JobsMesh:
    """A running service jobs."""

    run: JobsRun
    folder: Path

    def call(
        self, method: str, body: object = None, *, verb: str = "POST", seconds: float = CALL_SECONDS
    ) -> tuple[int, bytes]:
        """Call a method through the sidecar; return the status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.run.sidecar.http, timeout=seconds)
        try:
            data = b"" if body is None else json.dumps(body).encode()
            connection.request(verb, f"/v1.0/invoke/jobs/method/{method}", data)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, method: str, body: object = None, *, verb: str = "POST") -> dict[str, Any]:
        """Call a method that must answer."""
        status, answer = self.call(method, body, verb=verb)
        assert status == 200, answer
        document: dict[str, Any] = json.loads(answer)
        return document

    def start(self, kind: str, options: Mapping[str, Any], **others: bool) -> dict[str, Any]:
        """Start a job."""
        return self.ask("start", {"kind": kind, "options": options, **others})

    def status(self, job: str) -> dict[str, Any] | None:
        """Return how far a job is; None while nobody answers."""
        try:
            status, answer = self.call(f"status/{job}", verb="GET", seconds=5)
        except OSError:
            return None
        document: dict[str, Any] | None = json.loads(answer) if status == 200 else None
        return document

    def await_end(self, job: str, within: float = 60.0) -> dict[str, Any]:
        """Return the status of a job that has ended."""

        def ended() -> dict[str, Any] | None:
            status = self.status(job)
            return status if status and status["state"] in ENDED else None

        found = eventually(ended, f"{job} ends", within=within)
        assert found
        return found

    def await_done(self, job: str, parts: int) -> None:
        """Return once so many parts of its stage are done."""

        def enough() -> bool:
            status = self.status(job)
            return bool(status and status.get("progress", {}).get("done", 0) >= parts)

        eventually(enough, f"{parts} parts of {job} are done")

    def workers(self) -> list[int]:
        """The processes that work: the app, and those beside it."""
        app = self.run.supervisor.pid("jobs")
        try:
            return [app, *(child.pid for child in psutil.Process(app).children())]
        except psutil.NoSuchProcess:  # it is about to be started again
            return [app]

    @property
    def jobs_folder(self) -> Path:
        """Where the jobs are kept."""
        return self.folder / ".dapr" / "jobs"


class _GuardedRun(JobsRun):
    """Jobs whose rules let nobody call it, as the start of others has it checked."""

    def _is_up(self) -> bool:
        return self.has_engine()


@contextmanager
def jobs_mesh(folder: Path, *, guarded: bool = False, **settings: str) -> Iterator[JobsMesh]:
    """Run jobs in a folder.

    Args:
        folder: where all of it works.
        guarded: whether the sidecar has the access rules of a cluster.
        settings: further settings of jobs.
    """
    broker = Broker(folder / "broker.log")
    broker.start()
    env = {
        **os.environ,
        "GOGC": "400",
        "REDIS_HOST": broker.address,
        "JOB_INPUTS": str(folder.parent),
        "JOB_KINDS": JOB_KINDS,
        "PYTHONPATH": str(ROOT / "tests"),
        **settings,
    }
    runtime = dapr_runtime("daprd", "placement", "scheduler") / ".dapr" / "bin"
    programs = Programs(
        dapr=runtime / "dapr",
        daprd=runtime / "daprd",
        placement=runtime / "placement",
        scheduler=runtime / "scheduler",
    )
    resources = write_resources(folder, "embedded", (), programs.daprd, env)
    if guarded:
        _guard(resources.config)
    make_sqlite_files(folder)
    kind = _GuardedRun if guarded else JobsRun
    run = kind(
        folder, programs, resources, common=run_file()["common"], env=env, ports=Ports.of(None)
    )
    try:
        with run:
            yield JobsMesh(run, folder)
    finally:
        broker.close()


def _guard(config: Path) -> None:
    """Add the access rules of a cluster to the Configuration of a host."""
    shipped = yaml.safe_load((ROOT / "k8s/components/jobs/access.yaml").read_text())
    own = yaml.safe_load(config.read_text())
    own["spec"]["accessControl"] = shipped["spec"]["accessControl"]
    config.write_text(yaml.safe_dump(own))
