"""The service tensorflow.serving.ModelService."""

import grpc

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Status
from meshlens.protocols.errors import Unavailable, UnknownModel
from meshlens.protocols.tfserving.descriptions import describe_versions
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.refusals import invalid, refuse
from meshlens.protocols.tfserving.rpc.calls import Answer, Call, add_service, parse
from meshlens.protocols.tfserving.rpc.prediction import read_spec
from meshlens.protocols.wire import tfserving_pb2 as wire

SERVICE = "tensorflow.serving.ModelService"


class ModelService:
    """Answers the calls of the service.

    Args:
        offer: what is served.
    """

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def add(self, application: Application, server: grpc.Server) -> None:
        """Serve it."""
        methods = {
            "GetModelStatus": (Lane.LIGHT, self.describe),
            "HandleReloadConfigRequest": (Lane.ADMIN, self.reload),
        }
        add_service(application, server, SERVICE, methods)

    def describe(self, call: Call) -> Answer:
        """Return the state of the versions of a model."""
        request = parse(wire.GetModelStatusRequest, call.body)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        described = describe_versions(self._offer.models, read_spec(request.model_spec))
        return Answer(described.SerializeToString())

    def reload(self, call: Call) -> Answer:
        """Load the models that a list names, and unload all others.

        Raises:
            Refused: INVALID_ARGUMENT: it is no such list, or says more of a model than its name,
                which here settings say; NOT_FOUND: no model has that name; UNAVAILABLE: one
                cannot be loaded.
        """
        request = parse(wire.ReloadConfigRequest, call.body)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest."
                " Only ModelConfigList is currently supported"
            )
        models = self._offer.models
        wanted = [_read_name(each) for each in request.config.model_config_list.config]
        known = {version.model for version in models.versions()}
        for name in wanted:
            if name not in known:
                raise refuse(
                    Status.NOT_FOUND,
                    f"Could not find any versions of model {name}; put it into the folder of"
                    " models, which MODELS names",
                )
        for name in wanted:
            try:
                models.load(name)
            except (UnknownModel, Unavailable) as error:
                raise refuse(
                    Status.UNAVAILABLE, f"model {name} cannot be loaded: {error}"
                ) from error
        for name in sorted(known - set(wanted)):
            models.unload(name)
        response = wire.ReloadConfigResponse()
        response.status.SetInParent()
        return Answer(response.SerializeToString())


def _read_name(config: wire.ModelConfig) -> str:
    """Return the name of a model, if its entry asks for nothing that only settings say."""
    if not config.name:
        raise invalid("ModelConfig has no name specified.")
    folder = config.base_path.rstrip("/").rpartition("/")[2]
    if folder not in ("", config.name):
        raise invalid(
            f"base_path of model {config.name} is {config.base_path}; expected the folder"
            f" {config.name} in the one that MODELS names"
        )
    if config.HasField("model_version_policy") or config.version_labels:
        raise invalid(
            f"model {config.name} has a version policy or labels; set MODEL_VERSIONS and"
            " MODEL_LABELS instead"
        )
    return config.name
