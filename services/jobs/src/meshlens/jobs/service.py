"""The methods that callers in the mesh invoke, and which status each error becomes."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from meshlens.batch.errors import ObjectsFailed
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference import add_reference
from meshlens.daprkit.reference.about import About
from meshlens.faults import Fault
from meshlens.jobs import reference
from meshlens.jobs.answers import EndFacts, JobStatus, StartBody
from meshlens.jobs.control import Control
from meshlens.jobs.errors import (
    EngineUnavailable,
    InputNotAllowed,
    InvalidJob,
    JobFailed,
    JobNotEnded,
    JobNotFound,
    JobRunning,
)

ABOUT = About(
    app="jobs",
    title="Meshlens jobs",
    summary="Durable batch jobs: tables larger than memory, buckets of pictures.",
    distribution="meshlens-jobs",
)
STATUS: Mapping[type[Exception], Status] = {
    InvalidJob: Status.INVALID_ARGUMENT,
    InputNotAllowed: Status.PERMISSION_DENIED,
    JobNotFound: Status.NOT_FOUND,
    JobRunning: Status.FAILED_PRECONDITION,
    JobNotEnded: Status.FAILED_PRECONDITION,
    JobFailed: Status.FAILED_PRECONDITION,
    EngineUnavailable: Status.UNAVAILABLE,
    ObjectsFailed: Status.UNAVAILABLE,
    # What a kind of job says of its options and its input.
    Fault: Status.INVALID_ARGUMENT,
}


class Service:
    """Maps requests to calls of `Control`, and their results to replies.

    Args:
        control: the jobs.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        control = self._control
        routes = (
            Route("start", self.start, lane=Lane.MANAGE, operations=(reference.START,)),
            Route(
                "list", self.list, verbs=("GET",), lane=Lane.MANAGE, operations=(reference.LIST,)
            ),
            Route(
                "status/<id>",
                _of(control.status),
                verbs=("GET",),
                lane=Lane.MANAGE,
                operations=(reference.STATUS,),
            ),
            Route(
                "pause/<id>", _of(control.pause), lane=Lane.MANAGE, operations=(reference.PAUSE,)
            ),
            Route(
                "resume/<id>", _of(control.resume), lane=Lane.MANAGE, operations=(reference.RESUME,)
            ),
            Route("cancel/<id>", self.cancel, lane=Lane.WORK, operations=(reference.CANCEL,)),
            Route(
                "result/<id>",
                _of(control.result),
                verbs=("GET",),
                lane=Lane.MANAGE,
                operations=(reference.RESULT,),
            ),
            Route(
                "result/<id>/<path:name>",
                self.object,
                verbs=("GET",),
                lane=Lane.MANAGE,
                operations=(reference.OBJECT,),
            ),
            Route("purge/<id>", _of(control.purge), lane=Lane.ADMIN, operations=(reference.PURGE,)),
            Route("ended/<id>", self.ended, lane=Lane.WORK, operations=(reference.ENDED,)),
        )
        return add_reference(ABOUT, routes, STATUS)

    def start(self, request: Request) -> Reply:
        """Start a job, or find it."""
        _take_no_options(request)
        try:
            body = StartBody.model_validate_json(request.body)
        except ValidationError as error:
            mistake = error.errors(include_url=False)[0]
            place = ".".join(map(str, mistake["loc"])) or "body"
            raise InvalidJob(
                'the body must be JSON such as {"kind": "pca-fit", "options": {}}',
                got=f"{place}: {mistake['msg']}",
                remedy="correct it; openapi.json describes it",
                option=place,
            ) from None
        return _reply(self._control.start(body))

    def list(self, request: Request) -> Reply:
        """List all jobs."""
        _take_no_options(request)
        return _reply(self._control.list())

    def cancel(self, request: Request) -> Reply:
        """End a job."""
        _take_no_options(request)
        status = self._control.cancel(request.parameters["id"])
        return _reply(status, _facts(status))

    def ended(self, request: Request) -> Reply:
        """Publish that a job has ended."""
        _take_no_options(request)
        status = self._control.read_end(request.parameters["id"])
        return _reply(status, _facts(status))

    def object(self, request: Request) -> Reply:
        """Return an object of a result."""
        _take_no_options(request)
        data = self._control.read(request.parameters["id"], request.parameters["name"])
        return Reply(data, "application/octet-stream")


def _of(method: Callable[[str], BaseModel]) -> Callable[[Request], Reply]:
    """Return the endpoint of a method that takes the id of a job."""

    def answer(request: Request) -> Reply:
        _take_no_options(request)
        return _reply(method(request.parameters["id"]))

    return answer


def _reply(answer: BaseModel, result: Mapping[str, object] | None = None) -> Reply:
    body = answer.model_dump_json(exclude_none=True).encode() + b"\n"
    return Reply(body, reference.JSON, result=result)


def _facts(status: JobStatus) -> Mapping[str, object]:
    """Return what the event says: names of files, which a message may have, are not in it."""
    facts = EndFacts(job=status.id, kind=status.kind, state=status.state, reason=status.reason)
    return facts.model_dump(mode="json")


def _take_no_options(request: Request) -> None:
    if request.query:
        name = next(iter(request.query))
        raise InvalidJob(
            "this method has no options in its query",
            got=f"{name}=...",
            remedy="leave it out; options of a job go into the body of start",
            option=name,
        )
