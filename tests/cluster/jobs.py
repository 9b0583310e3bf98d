"""The service jobs, its volumes, and what jobs leave in them."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster import slow_kinds
from cluster.caller import Call
from cluster.load import read_events
from cluster.project import JOBS, NAME, Project, volume
from cluster.sandbox import SandboxError

from meshlens.batch.objects import FolderObjects
from meshlens.jobs.archive import Archive

# A file beside those kinds of jobs makes their parts slow.
SLOW = "slow"
_ALONE = (Path(__file__).parent / "scripts" / "alone.py").read_text()
# Objects of the service; all others are those of the job's steps.
_OWN = "job/"


class Jobs:
    """The service jobs beside the others.

    Args:
        project: those.

    Attributes:
        inputs: the folder behind the volume that its pods see as /inputs.
    """

    def __init__(self, project: Project) -> None:
        folder = project.node.sandbox.folder
        self.inputs, self._kept = folder / "inputs", folder / "jobs"
        self._project = project
        self._archive = Archive(self._kept)

    def deploy(self) -> None:
        """Create its volumes, apply its component, and wait until it is there."""
        self.inputs.mkdir()
        self._kept.mkdir()
        self._kept.chmod(0o777)  # as storage classes do for the group of the pod
        shutil.copy(slow_kinds.__file__, self.inputs)
        self._project.apply_manifests(volume("inputs", self.inputs), volume("jobs", self._kept))
        self._project.apply(JOBS)
        self.await_rollout()

    def remove(self) -> None:
        """End its pods at once, so that others have the cores."""
        selector = f"--selector={NAME}=jobs"
        # What would start them again, or end them in their own time, goes first and alone.
        self._project.kubectl("delete", "deployment/jobs", "--cascade=orphan")
        self._project.kubectl("delete", "replicasets", selector, "--cascade=orphan")
        self._project.kubectl("delete", "pods", selector, "--grace-period=1")

    def await_rollout(self) -> None:
        """Wait until every replica is up to date and available."""
        self._project.kubectl("rollout", "status", "deployment/jobs", "--timeout=300s")

    def end_pod(self, pod: str) -> None:
        """Delete a pod, whose programs have a second to end."""
        self._project.kubectl("delete", f"pod/{pod}", "--grace-period=1")

    def ask(self, method: str, body: bytes = b"") -> dict[str, Any]:
        """Call a method through the sidecar of another app.

        Raises:
            SandboxError: it was refused; the message says why.
        """
        (answer,) = self._project.caller("caller").call(Call("http", "jobs", method, body))
        if answer.code != "200":
            raise SandboxError(f"{method} was answered {answer.code}: {answer.text}")
        document: dict[str, Any] = json.loads(answer.text)
        return document

    def start(self, kind: str, options: Mapping[str, object]) -> str:
        """Start a job, as soon as a worker is connected; return its id once it has been planned."""
        body = json.dumps({"kind": kind, "options": options}).encode()
        answer: dict[str, Any] = {}

        def is_started() -> bool:
            answer.update(self.ask("start", body))
            return True

        self._project.node.eventually(is_started, f"a job of {kind} is started")
        job: str = answer["id"]
        stages = FolderObjects(self._kept / job).names
        self._project.node.eventually(lambda: any(stages("stages/")), f"{job} is planned")
        return job

    def count_done(self, job: str) -> int:
        """How many parts of a job are done."""
        names = FolderObjects(self._kept / job).names("pieces/")
        return sum(name.rpartition("/")[2].startswith("0-") for name in names)

    def await_further(self, job: str, parts: int = 6) -> None:
        """Wait until so many more parts of a job are done, and assert that some are left."""
        before = self.count_done(job)
        self._project.node.eventually(
            lambda: self.count_done(job) >= before + parts, f"{job} gets further"
        )
        self.assert_under_way(job)

    def assert_under_way(self, job: str) -> None:
        """Assert that a job has not ended."""
        assert self._archive.result(job) is None, "nothing is left to do"

    def await_end(self, job: str) -> None:
        """Wait until a job has ended, and assert that it has completed."""

        def has_ended() -> bool:
            failure = self._archive.failure(job)
            assert failure is None, failure
            return self._archive.result(job) is not None

        self._project.node.eventually(has_ended, f"{job} ends")
        assert self.ask(f"status/{job}")["state"] == "completed"

    def digests(self, job: str) -> Mapping[str, str]:
        """The sha256 of each object that the steps of a job have left."""
        return self._read(self._kept / job)

    def digests_alone(self, job: str) -> Mapping[str, str]:
        """The same of the same job, done by the loop in one process."""
        folder = f"alone-{job}"
        where = (self._project.pods("jobs")[0], "--container=jobs")
        self._project.kubectl("exec", *where, "--", "python", "-c", _ALONE, job, f"/jobs/{folder}")
        return self._read(self._kept / folder)

    def await_events(self, job: str) -> set[str]:
        """Return the ids of the events that say that a job has ended, once there is one."""
        found: set[str] = set()

        def is_published() -> bool:
            found.update(
                event["id"]
                for event in read_events(self._project)
                if (event["data"].get("result") or {}).get("job") == job
            )
            return bool(found)

        self._project.node.eventually(is_published, f"the end of {job} is published")
        return found

    def _read(self, folder: Path) -> Mapping[str, str]:
        objects = FolderObjects(folder)
        return {
            name: hashlib.sha256(objects.get(name) or b"").hexdigest()
            for name in objects.names("")
            if not name.startswith(_OWN)
        }
