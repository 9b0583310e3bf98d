"""What each call of the protocol does, whichever way it came."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from meshlens.daprkit.application.admission import time_waited
from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.errors import Unavailable, UnknownModel
from meshlens.protocols.inference.inputs import read_inputs
from meshlens.protocols.inference.lookup import lease, unknown
from meshlens.protocols.inference.outputs import choose_outputs, make_outputs
from meshlens.protocols.inference.raw import read_raw
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.statistics import ModelStatistics, Statistics, Timing
from meshlens.protocols.inference.tensors import InferAnswer, InferRequest
from meshlens.protocols.inference.views import (
    IndexEntry,
    ModelMetadata,
    ServerMetadata,
    choose_function,
    describe_model,
    index_entry,
)
from meshlens.protocols.models import Function, Model, Models, ModelVersion, State
from meshlens.timing import Phase, note

EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "statistics",
)


class InferenceServer:
    """Answers the calls of the protocol with the models of a service.

    One object serves every encoding of the protocol, so that they share statistics.

    Args:
        models: the models.
        name: of the server, for clients that ask.
        version: of its program.
        ready: whether the service can answer requests.
    """

    def __init__(
        self, models: Models, *, name: str, version: str, ready: Callable[[], bool]
    ) -> None:
        self._models = models
        self._metadata = ServerMetadata(name, version, EXTENSIONS)
        self._ready = ready
        self._statistics = Statistics()

    # Health and metadata

    @property
    def metadata(self) -> ServerMetadata:
        """What the server is."""
        return self._metadata

    @property
    def ready(self) -> bool:
        """Whether the service can answer requests."""
        return self._ready()

    def is_ready(self, name: str, version: str = "") -> bool:
        """Return whether a version answers, or any if none is named; False for an unknown one.

        Args:
            name: of the model.
            version: its number or label.
        """
        try:
            versions = self._models.versions(name) if name else ()
        except UnknownModel:
            return False
        return any(
            it.state is State.AVAILABLE and (version in ("", it.version) or version in it.labels)
            for it in versions
        )

    def describe(self, name: str, version: str = "") -> ModelMetadata:
        """Return what a model takes and answers.

        Raises:
            Refused: there is none, or it does not answer now.
        """
        with lease(self._models, name, version, computes=False) as model:
            available = {
                it.version for it in self._models.versions(name) if it.state is State.AVAILABLE
            }
            shown = {model.version} if version else {model.version, *available}
            return describe_model(model, sorted(shown, key=int))

    # Inference

    def infer(self, request: InferRequest) -> InferAnswer:
        """Compute the outputs that a request wants; call it where the work is done.

        Raises:
            Refused: the request is wrong, has waited too long, or its model does not answer now.
            Fault: the model cannot compute with these inputs.
        """
        waited = int(time_waited() * 1e9)
        with lease(self._models, request.model, request.version, key=request.key) as model:
            began = time.perf_counter_ns()
            try:
                answer, timing = _infer(model, request, waited, began)
            except Exception:
                elapsed = waited + time.perf_counter_ns() - began
                self._statistics.failed(model.name, model.version, elapsed)
                raise
        self._statistics.succeeded(model.name, model.version, timing)
        return answer

    def statistics(self, name: str = "", version: str = "") -> Sequence[ModelStatistics]:
        """Return the statistics of every version that answers or has just done so.

        Args:
            name: of a model; all of them if it is empty.
            version: its number; all of them if it is empty.

        Raises:
            Refused: there is none.
        """
        try:
            versions = self._models.versions(name)
        except UnknownModel:
            versions = ()
        there = [it for it in versions if it.state in (State.AVAILABLE, State.UNLOADING)]
        if name and not there:
            raise invalid(f"requested model '{name}' is not available")
        chosen = [it for it in there if version in ("", it.version)]
        if name and not chosen:
            raise invalid(f"requested model version is not available for model '{name}'")
        return [self._statistics.read(it.model, it.version) for it in chosen]

    # The repository

    def index(self, *, ready: bool = False) -> Sequence[IndexEntry]:
        """Return every version, or only those that answer."""
        return [index_entry(it) for it in self._models.versions() if _is_listed(it, ready=ready)]

    def find(self, name: str) -> Sequence[IndexEntry]:
        """Return every version of one model.

        Raises:
            Refused: there is no such model.
        """
        try:
            return [index_entry(it) for it in self._models.versions(name)]
        except UnknownModel as error:
            raise unknown(f"'{name}' is not found") from error

    def load(self, name: str) -> None:
        """Load the newest version of a model, and keep it loaded.

        Raises:
            Refused: there is no such model, or it cannot be loaded.
        """
        try:
            self._models.load(name)
        except UnknownModel as error:
            raise unknown(f"'{name}' is not found") from error
        except Unavailable as error:
            raise Refused(
                Status.FAILED_PRECONDITION, f"failed to load '{name}', {error}"
            ) from error

    def unload(self, name: str) -> None:
        """Unload every version of a model.

        Raises:
            Refused: there is no such model.
        """
        try:
            self._models.unload(name)
        except UnknownModel as error:
            raise unknown(f"'{name}' is not found") from error


def _infer(
    model: Model, request: InferRequest, waited: int, began: int
) -> tuple[InferAnswer, Timing]:
    if request.timeout and waited > request.timeout * 1000:
        raise Refused(Status.UNAVAILABLE, "Request timeout expired")
    function = choose_function(model)
    wanted = choose_outputs(function, request)
    with note(Phase.DECODE):
        if request.raw is not None:
            request = replace(request, inputs=(read_raw(request.raw, model.name, function),))
        tensors = read_inputs(function, request)
    read = time.perf_counter_ns()
    answers = function.run(tensors)
    ran = time.perf_counter_ns()
    outputs = make_outputs(function, wanted, answers)
    timing = Timing(
        queue=waited,
        read=read - began,
        run=ran - read,
        made=time.perf_counter_ns() - ran,
        batch=_count_batch(function, {name: array.shape for name, array in tensors.items()}),
        lookup=function.lookup,
    )
    answer = InferAnswer(model.name, model.version, outputs, request.id, model.provenance)
    return answer, timing


def _count_batch(function: Function, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return how many elements the batch has: the first axis where the model leaves it open."""
    tensor = next(iter(function.inputs), None)
    if tensor is None or not tensor.shape or tensor.shape[0] != -1:
        return 1
    return max(1, shapes[tensor.name][0])


def _is_listed(version: ModelVersion, *, ready: bool) -> bool:
    return version.state is State.AVAILABLE or not ready
