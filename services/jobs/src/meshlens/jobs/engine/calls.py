"""Calls to the workflow engine in the app's own sidecar, each with a deadline."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from dapr.proto import api_v1

from meshlens.batch.job import Fields
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.engine.workflows import JOB, Given
from meshlens.jobs.errors import EngineUnavailable

_COMPONENT = "dapr"  # the name of the engine in requests, which has no other
_STATUS = "dapr.workflow.custom_status"
_FAILURE = "dapr.workflow.failure.error_message"
# A look must leave time to answer within a second.
_LOOK_SECONDS = 0.7
_ABSENT = "no such instance exists"
_TAKEN = "already exists"


@dataclass(frozen=True, slots=True)
class Instance:
    """A workflow, as the engine knows it.

    Attributes:
        state: RUNNING, PENDING, SUSPENDED, COMPLETED, FAILED, TERMINATED, STALLED, ...
        progress: what it has said last: stage, done, of, failed; empty if nothing.
        failure: why it has failed; empty if it has not.
    """

    state: str
    progress: Fields
    failure: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {"COMPLETED", "FAILED", "TERMINATED"}


class Engine:
    """The workflow engine.

    Each call raises EngineUnavailable if it is not done in time, with the cause as far as the
    sidecar knows it.

    Args:
        sidecar: the app's own.
        seconds: for one operation.
    """

    def __init__(self, sidecar: Sidecar, *, seconds: float) -> None:
        self._sidecar = sidecar
        self._seconds = seconds

    def check(self) -> None:
        """Check that a workflow would run now."""
        missing = self.find_missing(self._read_metadata())
        if missing:
            raise self._refuse(*missing)

    @staticmethod
    def find_missing(metadata: api_v1.GetMetadataResponse) -> tuple[str, str] | None:
        """Return what the engine lacks and what to do, by a sidecar's metadata; None if nothing."""
        actors = metadata.actor_runtime
        if actors.runtime_status == actors.DISABLED:
            return (
                "no placement: the sidecar was started without its address",
                "give it --placement-host-address and --scheduler-host-address",
            )
        if actors.placement == "placement: disconnected":
            return "no placement is connected to the sidecar", "start it, or wait until it is up"
        if not metadata.scheduler.connected_addresses:
            return "no scheduler is connected to the sidecar", "start it, or wait until it is up"
        if not metadata.workflows.connected_workers:
            return (
                "no worker is connected to the sidecar",
                "wait some seconds; if none comes, restart jobs together with its sidecar",
            )
        return None

    def is_wedged(self) -> bool:
        """Whether all is there but a worker, by the sidecar's word; False if it says nothing."""
        try:
            metadata = self._read_metadata()
        except EngineUnavailable:
            return False
        if metadata.workflows.connected_workers:
            return False
        return bool(metadata.scheduler.connected_addresses)

    def count_workers(self) -> int:
        """Return how many workers are connected to the sidecar; 0 if it does not answer."""
        try:
            return int(self._read_metadata().workflows.connected_workers)
        except EngineUnavailable:
            return 0

    def shut_sidecar(self) -> None:
        """Let the sidecar end, to be started again by whoever watches it."""
        self._call(self._sidecar.stub.Shutdown, api_v1.ShutdownRequest(), self._seconds)

    def start(self, workflow: str, given: Given) -> None:
        """Start a workflow; one that is there already is the same, from a call that came late."""
        request = api_v1.StartWorkflowRequest(
            instance_id=workflow,
            workflow_component=_COMPONENT,
            workflow_name=JOB,
            input=json.dumps(given).encode(),
        )
        try:
            self._try(self._sidecar.stub.StartWorkflowBeta1, request, self._seconds)
        except grpc.RpcError as error:
            details = (error.details() or "").lower()
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS and _TAKEN not in details:
                raise self._explain(error) from error

    def find(self, workflow: str) -> Instance | None:
        """Return a workflow; None if the engine does not know it."""
        request = api_v1.GetWorkflowRequest(instance_id=workflow, workflow_component=_COMPONENT)
        answer = self._call(self._sidecar.stub.GetWorkflowBeta1, request, _LOOK_SECONDS)
        if not answer.runtime_status:
            return None
        progress = json.loads(answer.properties.get(_STATUS) or "null")
        if isinstance(progress, str):
            progress = json.loads(progress)
        return Instance(answer.runtime_status, progress or {}, answer.properties.get(_FAILURE, ""))

    def pause(self, workflow: str) -> None:
        """Let a workflow stand still once the parts that are under way have ended."""
        request = api_v1.PauseWorkflowRequest(instance_id=workflow, workflow_component=_COMPONENT)
        self._call(self._sidecar.stub.PauseWorkflowBeta1, request, self._seconds)

    def resume(self, workflow: str) -> None:
        """Let a paused workflow go on."""
        request = api_v1.ResumeWorkflowRequest(instance_id=workflow, workflow_component=_COMPONENT)
        self._call(self._sidecar.stub.ResumeWorkflowBeta1, request, self._seconds)

    def terminate(self, workflow: str) -> None:
        """End a workflow and its children; parts that are under way end by themselves."""
        request = api_v1.TerminateWorkflowRequest(
            instance_id=workflow, workflow_component=_COMPONENT
        )
        self._call(self._sidecar.stub.TerminateWorkflowBeta1, request, _LOOK_SECONDS)

    def purge(self, workflow: str) -> None:
        """Forget a workflow that has ended, and its children, if the engine knows it."""
        request = api_v1.PurgeWorkflowRequest(instance_id=workflow, workflow_component=_COMPONENT)
        try:
            self._try(self._sidecar.stub.PurgeWorkflowBeta1, request, self._seconds)
        except grpc.RpcError as error:
            if _ABSENT not in (error.details() or ""):
                raise self._explain(error) from error

    def _read_metadata(self) -> api_v1.GetMetadataResponse:
        metadata: api_v1.GetMetadataResponse = self._call(
            self._sidecar.stub.GetMetadata, api_v1.GetMetadataRequest(), _LOOK_SECONDS
        )
        return metadata

    def _call(self, method: Callable[..., Any], request: Any, seconds: float) -> Any:  # noqa: ANN401 - any of the API's messages
        try:
            return self._try(method, request, seconds)
        except grpc.RpcError as error:
            raise self._explain(error) from error

    def _try(self, method: Callable[..., Any], request: Any, seconds: float) -> Any:  # noqa: ANN401 - as above
        return method(request, timeout=seconds, metadata=self._sidecar.metadata)

    def _explain(self, error: grpc.RpcError) -> EngineUnavailable:
        return self._refuse(*self._sidecar.explain(error, remedy="try again in some seconds"))

    def _refuse(self, got: str, remedy: str) -> EngineUnavailable:
        return EngineUnavailable("the workflow engine must answer in time", got=got, remedy=remedy)
