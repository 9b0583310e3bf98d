"""Bodies and answers in JSON, as types: one definition for the service and its documentation."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class JobState(StrEnum):
    """How far a job is."""

    PENDING = "pending"
    """It is about to begin."""
    RUNNING = "running"
    """Its parts are being worked on."""
    PAUSED = "paused"
    """It goes on when it is resumed."""
    COMPLETED = "completed"
    """It has a result."""
    FAILED = "failed"
    """It has none; what is done is kept, and it goes on when it is started again."""
    CANCELLED = "cancelled"
    """Somebody has cancelled it; likewise."""
    STOPPED = "stopped"
    """The engine does not know it any more; likewise."""
    UNKNOWN = "unknown"
    """The engine does not answer."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StartBody(_Model):
    """What to start."""

    kind: str = Field(description="Name of the kind of job.")
    options: Mapping[str, Any] = Field(default_factory=dict, description="As the kind takes them.")
    skip: bool = Field(
        default=False, description="Leave out parts that cannot be worked on, and say so."
    )
    again: bool = Field(
        default=False,
        description="Do all of it anew, though it has ended, and forget what is kept.",
    )


class JobProgress(_Model):
    """How far a stage is."""

    stage: str = Field(description="Its name.")
    done: int = Field(description="Parts that are done.")
    of: int = Field(description="Parts that there are.")
    failed: int = Field(description="Parts that were left out, among those that are done.")


class JobStatus(_Model):
    """How far a job is."""

    id: str = Field(description="Digest of its kind, options and input.")
    kind: str = Field(description="Kind and version.")
    state: JobState
    started: str = Field(description="When it was started last, in UTC.")
    progress: JobProgress | None = Field(
        default=None, description="Of its stage now; absent before it is planned, and at the end."
    )
    reason: str = Field(default="", description="Kind of fault that has ended it.")
    message: str = Field(default="", description="What was expected, actual, and what to do.")


class Started(JobStatus):
    """A job that was started, or was there already."""

    new: bool = Field(description="Whether this call has started it.")


class JobList(_Model):
    """The 1,000 jobs started last, the last one first."""

    jobs: Sequence[JobStatus] = Field(description="How far each is.")


class JobResult(_Model):
    """The result of a job."""

    id: str = Field(description="Of the job.")
    kind: str = Field(description="Kind and version.")
    summary: Mapping[str, Any] = Field(description="What its kind says of it.")
    objects: Sequence[str] = Field(description="Names of the objects, the main one first.")


class Purged(_Model):
    """A job of which nothing is kept any more."""

    id: str = Field(description="Of the job.")
    purged: bool = Field(description="True: nothing is kept of it any more.")


class EndFacts(_Model):
    """What the event of a job's end says."""

    job: str = Field(description="Its id.")
    kind: str = Field(description="Kind and version.")
    state: JobState
    reason: str = Field(default="", description="Kind of fault that has ended it.")
