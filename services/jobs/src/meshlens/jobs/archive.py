"""Where jobs are kept: one folder each, by the job's id.

Objects of the service in it, besides those of the job's steps:

    job/record     what was started
    job/result     how it ended
    job/failure    why it ended without a result
    job/cancelled  somebody has cancelled it

Beside the jobs, `locks` has empty files that whoever starts or purges a job locks meanwhile, and
`locks/parts` those that whoever works on a part locks.
"""

import fcntl
import json
import math
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.job import Fields, Result, encode
from meshlens.batch.objects import FolderObjects
from meshlens.jobs.errors import JobNotFound

RECORD, RESULT, FAILURE, CANCELLED = "job/record", "job/result", "job/failure", "job/cancelled"

# Of a job's id; the engine takes 64 letters at most.
_LETTERS = 40
_ID = re.compile(r"[0-9a-f]{64}")
# Jobs share a lock by the first letters of their ids, so that there are never more than 256.
_LOCKS, _SHARED = "locks", 2
# Parts share locks as well: those that are worked on at the same time are neighbours.
_PARTS, _PART_LOCKS = "parts", 1024
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Record:
    """What was started.

    Attributes:
        kind: name of the kind.
        version: kind and version of the job, as it says itself.
        identity: options and input, as `Job.identify` has said.
        skip: whether parts that cannot be worked on are left out.
        run: tells one start of the job from another.
        started: when, in UTC.
    """

    kind: str
    version: str
    identity: Fields
    skip: bool
    run: str
    started: str

    def name_workflow(self, job: str) -> str:
        """Return the id of the workflow of this start: another for each, since none ends at once.

        A sidecar may take longer to start an id again that was terminated than callers wait.
        """
        return f"{job[:_LETTERS]}-{self.run}"


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a job ended without a result.

    Attributes:
        reason: the kind of fault, such as PART_FAILED.
        message: expected, actual, remedy; it may name files.
    """

    reason: str
    message: str


class Archive:
    """The jobs in a folder.

    Args:
        folder: made when the first job is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of all jobs, the ones started last first.

        Raises:
            ObjectsFailed: the folder cannot be read.
        """
        try:
            found = [
                (record.stat().st_mtime_ns, entry.name)
                for entry in self._folder.iterdir()
                if _ID.fullmatch(entry.name) and (record := entry / RECORD).exists()
            ]
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed("listed", error) from error
        for _, job in sorted(found, reverse=True):
            yield job

    def objects(self, job: str) -> FolderObjects:
        """Return the objects of a job.

        Raises:
            JobNotFound: that is no id of a job.
        """
        if not _ID.fullmatch(job):
            raise _missing(job)
        return FolderObjects(self._folder / job)

    def record(self, job: str) -> Record:
        """Return what was started.

        Raises:
            JobNotFound: no job has that id.
        """
        data = self.objects(job).get(RECORD)
        if data is None:
            raise _missing(job)
        return Record(**json.loads(data))

    @contextmanager
    def alone(self, job: str) -> Iterator[None]:
        """Have a job to oneself: all else who ask for that wait, in other replicas, too.

        A file system without locks, or whose locks hold on one host, does not keep others away.

        Raises:
            JobNotFound: that is no id of a job.
            ObjectsFailed: the lock cannot be made.
        """
        if not _ID.fullmatch(job):
            raise _missing(job)
        with _lock(self._folder / _LOCKS / job[:_SHARED], math.inf):
            yield

    @contextmanager
    def claim(self, stage: str, number: int, *, seconds: float = 0.0) -> Iterator[bool]:
        """Have a part to oneself until the block ends, or its process; yield whether one has it.

        A file system without locks, or whose locks hold on one host, gives it to others, too.

        Args:
            stage: digest of the part's stage.
            number: of the part.
            seconds: to wait until whoever has it is done with it.

        Raises:
            ObjectsFailed: the lock cannot be made.
        """
        place = (int(stage[:8], 16) + number) % _PART_LOCKS
        with _lock(self._folder / _LOCKS / _PARTS / f"{place:03x}", seconds) as has:
            yield has

    def begin(self, job: str, record: Record) -> None:
        """Keep what is started; how an earlier run of the job ended is forgotten."""
        objects = self.objects(job)
        for name in (RESULT, FAILURE, CANCELLED):
            objects.delete(name)
        objects.put(RECORD, encode(asdict(record)))

    def result(self, job: str) -> Result | None:
        """Return how a job ended; None if it has no result."""
        data = self.objects(job).get(RESULT)
        return None if data is None else Result(**json.loads(data))

    def failure(self, job: str) -> Failed | None:
        """Return why a job has failed; None if it has not."""
        data = self.objects(job).get(FAILURE)
        return None if data is None else Failed(**json.loads(data))

    def is_cancelled(self, job: str) -> bool:
        """Whether somebody has cancelled it."""
        return self.objects(job).get(CANCELLED) is not None

    def finish(self, job: str, result: Result) -> None:
        """Keep how a job ended."""
        self.objects(job).put(RESULT, encode(asdict(result)))

    def fail(self, job: str, failed: Failed) -> None:
        """Keep why a job has failed."""
        self.objects(job).put(FAILURE, encode(asdict(failed)))

    def cancel(self, job: str) -> None:
        """Keep that a job is cancelled."""
        self.objects(job).put(CANCELLED, b"")

    def forget(self, job: str) -> None:
        """Delete all that is kept of a job.

        Raises:
            JobNotFound: that is no id of a job.
            ObjectsFailed: it cannot be deleted.
        """
        if not _ID.fullmatch(job):
            raise _missing(job)
        # Parts that are still at work when a job ends write into its folder: it is moved first, to
        # where they find it no more.
        beside = self._folder / f"{job}.{uuid4().hex}"
        try:
            with suppress(FileNotFoundError):
                (self._folder / job).rename(beside)
            for gone in self._folder.glob(f"{job}.*"):
                with suppress(FileNotFoundError):  # another replica deletes it, too
                    shutil.rmtree(gone)
        except OSError as error:
            raise _failed("deleted", error) from error


@contextmanager
def _lock(path: Path, seconds: float) -> Iterator[bool]:
    """Have a file locked; yield whether it is, or would be if its file system had locks.

    Args:
        path: of the file.
        seconds: to wait for whoever has it locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise _failed("writable", error) from error
    with file:
        yield _await_lock(file, seconds)


def _await_lock(file: IO[bytes], seconds: float) -> bool:
    """Lock a file; return False if another has it locked all the time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            # A system call that waits would wait for a process that stands still, too.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        except OSError:  # there are none; docs/jobs.md says what may happen then
            return True
        else:
            return True


def _missing(job: str) -> JobNotFound:
    return JobNotFound(
        "the id must be that of a job",
        got=repr(job[:80]),
        remedy="`list` has the ids; a job that was purged is to be started again",
    )


def _failed(deed: str, error: OSError) -> ObjectsFailed:
    return ObjectsFailed(
        f"the folder of the jobs must be {deed}",
        got=f"{error.strerror or error} at {error.filename}",
        remedy="give access, and try again",
    )
