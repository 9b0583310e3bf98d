"""What callers must know of each method: its bodies, answers and faults."""

from meshlens.batch.errors import ObjectsFailed
from meshlens.daprkit.application.operation import Operation
from meshlens.jobs.answers import (
    EndFacts,
    JobList,
    JobResult,
    JobStatus,
    Purged,
    StartBody,
    Started,
)
from meshlens.jobs.errors import (
    EngineUnavailable,
    InputNotAllowed,
    InvalidJob,
    JobFailed,
    JobNotEnded,
    JobNotFound,
    JobRunning,
)

JSON = "application/json"
_ID = {"id": "id of the job, which start has answered"}
_COMMON = (InvalidJob, JobNotFound, EngineUnavailable, ObjectsFailed)

START = Operation(
    summary="Start a job, or find it if it was started before: the same job twice is one job.",
    accepts={JSON: StartBody},
    body="the kind of job and its options; what the kind refuses has a reason of that kind, such as"
    " INVALID_OPTION or NO_PICTURES, with INVALID_ARGUMENT",
    answers={JSON: Started},
    answer="The job, and whether this call has started it.",
    faults=(InvalidJob, InputNotAllowed, JobRunning, EngineUnavailable, ObjectsFailed),
)
LIST = Operation(
    summary="List the 1,000 jobs started last, the last one first.",
    verb="GET",
    answers={JSON: JobList},
    faults=(InvalidJob, ObjectsFailed),
)
STATUS = Operation(
    summary="Say how far a job is.",
    verb="GET",
    parameters=_ID,
    answers={JSON: JobStatus},
    faults=_COMMON,
)
PAUSE = Operation(
    summary="Let a job stand still once the parts that are under way have ended.",
    parameters=_ID,
    answers={JSON: JobStatus},
    faults=_COMMON,
)
RESUME = Operation(
    summary="Let a paused job go on.", parameters=_ID, answers={JSON: JobStatus}, faults=_COMMON
)
CANCEL = Operation(
    summary="End a job; what is done is kept for the next start.",
    parameters=_ID,
    answers={JSON: JobStatus},
    faults=_COMMON,
    result=EndFacts,
)
RESULT = Operation(
    summary="Return the result of a job: its summary and the names of its objects.",
    verb="GET",
    parameters=_ID,
    answers={JSON: JobResult},
    faults=(*_COMMON, JobNotEnded, JobFailed),
)
OBJECT = Operation(
    summary="Return an object of the result of a job.",
    verb="GET",
    parameters={**_ID, "name": "name of the object, as the result has it"},
    answers={"application/octet-stream": bytes},
    faults=(*_COMMON, JobNotEnded, JobFailed),
)
PURGE = Operation(
    summary="Forget a job that has ended, with its result.",
    parameters=_ID,
    answers={JSON: Purged},
    faults=(*_COMMON, JobRunning),
)
ENDED = Operation(
    summary="Publish that a job has ended, as its workers call it: once for each job.",
    parameters=_ID,
    answers={JSON: JobStatus},
    faults=(InvalidJob, JobNotFound, JobNotEnded, ObjectsFailed),
    result=EndFacts,
)
