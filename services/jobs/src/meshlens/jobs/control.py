"""What callers do with jobs: start, look, pause, resume, cancel, fetch, purge."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from meshlens.batch.job import Fields, Job
from meshlens.batch.steps import name_job
from meshlens.jobs.answers import (
    JobList,
    JobProgress,
    JobResult,
    JobState,
    JobStatus,
    Purged,
    StartBody,
    Started,
)
from meshlens.jobs.archive import Archive, Record
from meshlens.jobs.engine.calls import Engine, Instance
from meshlens.jobs.engine.workflows import begin
from meshlens.jobs.errors import EngineUnavailable, JobFailed, JobNotEnded, JobNotFound, JobRunning
from meshlens.jobs.kinds import Kinds

_STATES: Mapping[str, JobState] = {
    "PENDING": JobState.PENDING,
    "RUNNING": JobState.RUNNING,
    "CONTINUED_AS_NEW": JobState.RUNNING,
    "SUSPENDED": JobState.PAUSED,
    "FAILED": JobState.FAILED,
    "STALLED": JobState.FAILED,
}
# More would not fit into an answer, nor into the time of a call.
MOST_LISTED = 1000
_UNDER_WAY = {JobState.PENDING, JobState.RUNNING, JobState.PAUSED}
# For a workflow to pause, to go on or to end when it is told to: it takes its next turn.
_TURN_SECONDS = 5.0
_POLL_SECONDS = 0.05

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Control:
    """The jobs of a service.

    Args:
        kinds: of jobs.
        archive: where they are kept.
        engine: that runs them.
        block: parts of a child workflow.
        window: child workflows outstanding at a time.
    """

    kinds: Kinds
    archive: Archive
    engine: Engine
    block: int
    window: int

    def start(self, body: StartBody) -> Started:
        """Start a job, unless it is under way or has a result; with `again`, do it anew.

        Raises:
            InvalidJob: there is no such kind.
            JobRunning: it is under way, and was to be done anew.
            EngineUnavailable: no workflow would run now.
            Fault: its options or its input are refused.
        """
        made = self.kinds.make(body.kind)
        identity = made.identify(body.options)
        job = name_job(made, identity)
        with self.archive.alone(job):
            return self._start(body, made, identity, job)

    def _start(self, body: StartBody, made: Job, identity: Fields, job: str) -> Started:
        before = self._find(job)
        known = self._status(job, before) if before else None
        if known and known.state in _UNDER_WAY:
            if body.again:
                raise JobRunning(
                    "a job must have ended before it is done anew",
                    got=f"a job that is {known.state}",
                    remedy=f"cancel it first: {job}",
                )
            return Started(**known.model_dump(), new=False)
        if known and known.state is JobState.COMPLETED and not body.again:
            return Started(**known.model_dump(), new=False)
        self.engine.check()
        if before:
            self._await_end(before.name_workflow(job))
        if body.again:
            self.archive.forget(job)
        run = secrets.token_hex(4)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        record = Record(body.kind, made.kind, identity, body.skip, run, now)
        self.archive.begin(job, record)
        given = begin(job, run, block=self.block, window=self.window)
        self.engine.start(record.name_workflow(job), given)
        return Started(**_describe(job, record, JobState.PENDING).model_dump(), new=True)

    def list(self) -> JobList:
        """Return the jobs started last; of those under way the state is unknown if need be."""
        jobs = []
        answers = True
        for job in islice(self.archive, MOST_LISTED):
            try:
                record = self.archive.record(job)
            except JobNotFound:  # it was purged just now
                continue
            status = self._read_end(job, record)
            if status is None:
                status = _describe(job, record, JobState.UNKNOWN)
                if answers:
                    try:
                        status = self._look(job, record)
                    except EngineUnavailable:
                        answers = False
            jobs.append(status)
        return JobList(jobs=jobs)

    def status(self, job: str) -> JobStatus:
        """Return how far a job is.

        Raises:
            JobNotFound: no job has that id.
            EngineUnavailable: it has not ended, and the engine does not answer.
        """
        return self._status(job, self.archive.record(job))

    def pause(self, job: str) -> JobStatus:
        """Let a job stand still once the parts under way have ended; one that has ended stays so.

        Raises:
            JobNotFound: no job has that id.
            EngineUnavailable: the engine does not answer.
        """
        record = self.archive.record(job)
        status = self._status(job, record)
        if status.state in {JobState.PENDING, JobState.RUNNING}:
            self.engine.pause(record.name_workflow(job))
            return self._await_state(job, record, {JobState.PAUSED})
        return status

    def resume(self, job: str) -> JobStatus:
        """Let a paused job go on; any other stays as it is.

        Raises:
            JobNotFound: no job has that id.
            EngineUnavailable: the engine does not answer.
        """
        record = self.archive.record(job)
        status = self._status(job, record)
        if status.state is JobState.PAUSED:
            self.engine.resume(record.name_workflow(job))
            return self._await_state(job, record, {JobState.PENDING, JobState.RUNNING})
        return status

    def cancel(self, job: str) -> JobStatus:
        """End a job and keep what is done; one that has ended stays as it is.

        Raises:
            JobNotFound: no job has that id.
            EngineUnavailable: the engine does not answer; the parts end nevertheless.
        """
        record = self.archive.record(job)
        ended = self._read_end(job, record)
        if ended and ended.state is not JobState.CANCELLED:
            return ended
        self.archive.cancel(job)
        workflow = record.name_workflow(job)
        instance = self.engine.find(workflow)
        if instance and not instance.ended:
            self.engine.terminate(workflow)
        return _describe(job, record, JobState.CANCELLED)

    def result(self, job: str) -> JobResult:
        """Return the result of a job.

        Raises:
            JobNotFound: no job has that id.
            JobNotEnded: it is under way.
            JobFailed: it has ended without one.
            EngineUnavailable: it has none yet, and the engine does not answer.
        """
        record = self.archive.record(job)
        result = self.archive.result(job)
        if result is None:
            status = self._status(job, record)
            if status.state in _UNDER_WAY:
                raise JobNotEnded(
                    "a result is there once the job has ended",
                    got=f"a job that is {status.state}",
                    remedy="look at its status, and come again",
                )
            raise JobFailed(
                "a result needs a job that has completed",
                got=f"one that is {status.state}: {status.message or 'by a call of cancel'}",
                remedy="start it again: what is done is kept",
            )
        return JobResult(
            id=job, kind=record.version, summary=result.summary, objects=result.objects
        )

    def read(self, job: str, name: str) -> bytes:
        """Return one of the objects of a result.

        Raises:
            JobNotFound: no such job, or it has no such object in its result.
            JobNotEnded, JobFailed, EngineUnavailable: as `result` does.
        """
        result = self.result(job)
        data = self.archive.objects(job).get(name) if name in result.objects else None
        if data is None:
            raise JobNotFound(
                "the name must be that of an object of the result",
                got=repr(name[:80]),
                remedy=f"the names are: {', '.join(result.objects[:10]) or 'none'}",
            )
        return data

    def purge(self, job: str) -> Purged:
        """Forget a job that has ended, with its result.

        Raises:
            JobNotFound: no job has that id.
            JobRunning: it is under way.
            EngineUnavailable: the engine does not answer.
        """
        with self.archive.alone(job):
            return self._purge(job)

    def _purge(self, job: str) -> Purged:
        record = self.archive.record(job)
        status = self._status(job, record)
        if status.state in _UNDER_WAY:
            raise JobRunning(
                "a job must have ended before it is purged",
                got=f"a job that is {status.state}",
                remedy="cancel it first",
            )
        workflow = record.name_workflow(job)
        self._await_end(workflow)
        self.engine.purge(workflow)
        self.archive.forget(job)
        return Purged(id=job, purged=True)

    def read_end(self, job: str) -> JobStatus:
        """Return how a job has ended, by what is kept of it alone.

        Raises:
            JobNotFound: no job has that id.
            JobNotEnded: nothing says that it has ended.
        """
        status = self._read_end(job, self.archive.record(job))
        if status is None:
            raise JobNotEnded(
                "the end of a job is published once it has ended",
                got="a job under way",
                remedy="leave that to its workers",
            )
        return status

    def _find(self, job: str) -> Record | None:
        try:
            return self.archive.record(job)
        except JobNotFound:
            return None

    def _status(self, job: str, record: Record) -> JobStatus:
        return self._read_end(job, record) or self._look(job, record)

    def _read_end(self, job: str, record: Record) -> JobStatus | None:
        if self.archive.result(job) is not None:
            return _describe(job, record, JobState.COMPLETED)
        failed = self.archive.failure(job)
        if failed is not None:
            return _describe(job, record, JobState.FAILED).model_copy(
                update={"reason": failed.reason, "message": failed.message}
            )
        if self.archive.is_cancelled(job):
            return _describe(job, record, JobState.CANCELLED)
        return None

    def _look(self, job: str, record: Record) -> JobStatus:
        instance = self.engine.find(record.name_workflow(job))
        # It may have ended between the two looks.
        ended = self._read_end(job, record) if instance is None or instance.ended else None
        if ended is not None:
            return ended
        if instance is None:
            return _describe(job, record, JobState.STOPPED)
        return _describe(job, record, _STATES.get(instance.state, JobState.STOPPED), instance)

    def _await_state(self, job: str, record: Record, states: set[JobState]) -> JobStatus:
        """Return the status once it is one of `states` or an end, or the last after a while."""
        return _await(
            lambda: self._status(job, record),
            lambda status: status.state in states or status.state not in _UNDER_WAY,
        )

    def _await_end(self, workflow: str) -> None:
        """Wait until a workflow has ended whose job has: it says so, and is terminated, later."""
        instance = _await(
            lambda: self.engine.find(workflow), lambda found: found is None or found.ended
        )
        if instance and not instance.ended:
            raise EngineUnavailable(
                f"the workflow of a job that has ended must end within {_TURN_SECONDS:g} s",
                got=instance.state,
                remedy="try again in some seconds",
            )


def _await(look: Callable[[], _Seen], enough: Callable[[_Seen], bool]) -> _Seen:
    """Look until that is enough, or for as long as a turn may take; return what was seen last."""
    deadline = time.monotonic() + _TURN_SECONDS
    while not enough(seen := look()) and time.monotonic() <= deadline:
        time.sleep(_POLL_SECONDS)
    return seen


def _describe(
    job: str, record: Record, state: JobState, instance: Instance | None = None
) -> JobStatus:
    progress = instance.progress if instance else {}
    return JobStatus(
        id=job,
        kind=record.version,
        state=state,
        started=record.started,
        progress=JobProgress(**progress) if progress else None,
        message=instance.failure if instance else "",
    )
