"""The errors of jobs.

JobsError
|-- InvalidJob         kind, options or body are wrong
|-- InputNotAllowed    it is to read what jobs may not read
|-- JobNotFound        no job has that id
|-- JobRunning         the job must have ended before
|-- JobNotEnded        it has no result yet
|-- JobFailed          it has no result, and will have none
`-- EngineUnavailable  the workflow engine, or something it needs, is missing
"""

from meshlens.faults import Fault


class JobsError(Fault):
    """Base of every error that this service raises on purpose."""


class InvalidJob(JobsError):
    """The kind of job, its options or the body are wrong."""


class InputNotAllowed(JobsError):
    """The job is to read what is in no folder that jobs may read."""


class JobNotFound(JobsError):
    """No job has that id."""


class JobRunning(JobsError):
    """The job must have ended before that can be done."""


class JobNotEnded(JobsError):
    """The job has no result yet."""


class JobFailed(JobsError):
    """The job has ended without a result."""


class EngineUnavailable(JobsError):
    """The workflow engine does not do its part, because something that it needs is missing."""
