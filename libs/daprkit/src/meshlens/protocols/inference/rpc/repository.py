"""The calls of the repository, in both spellings of their requests."""

from collections.abc import Mapping

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rpc.descriptions import make_index
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.wire import inference_pb2 as pb

_UNLOAD_DEPENDENTS = "unload_dependents"


def load(
    server: InferenceServer, request: pb.RepositoryModelLoadRequest
) -> pb.RepositoryModelLoadResponse:
    """Load a model.

    Raises:
        Refused: it cannot be loaded, or the request brings files or settings of its own.
    """
    for name in request.parameters:
        raise invalid(
            f"expected no load parameters, got '{name}'; a model is loaded as its folder and its"
            " card say"
        )
    model = _find_name(request.repository_name, request.model_name)
    server.load(model)
    return pb.RepositoryModelLoadResponse(model_name=model, isLoaded=True)


def unload(
    server: InferenceServer, request: pb.RepositoryModelUnloadRequest
) -> pb.RepositoryModelUnloadResponse:
    """Unload a model; nothing depends on it.

    Raises:
        Refused: there is none, or a parameter is wrong.
    """
    _check_parameters(request.parameters)
    model = _find_name(request.repository_name, request.model_name)
    server.unload(model)
    return pb.RepositoryModelUnloadResponse(model_name=model, isUnloaded=True)


def index(
    server: InferenceServer, request: pb.RepositoryIndexRequest
) -> pb.RepositoryIndexResponse:
    """Return every version, or only those that answer.

    Raises:
        Refused: the request names a repository.
    """
    _refuse_repository(request.repository_name)
    return make_index(server.index(ready=request.ready))


def _find_name(repository: str, model: str) -> str:
    """Return the model's name, which KServe sends where Triton sends the repository's."""
    if not model:
        return repository
    _refuse_repository(repository)
    return model


def _refuse_repository(name: str) -> None:
    """Refuse a request that names a repository: there is one, which has no name."""
    if name:
        raise Refused(Status.UNIMPLEMENTED, "'repository_name' specification is not supported")


def _check_parameters(parameters: Mapping[str, pb.ModelRepositoryParameter]) -> None:
    for name, parameter in parameters.items():
        if name != _UNLOAD_DEPENDENTS:
            raise invalid(f"unrecognized unload parameter '{name}'")
        if parameter.WhichOneof("parameter_choice") != "bool_param":
            raise invalid(f"invalid value type for '{name}' parameter, expected bool_param.")
