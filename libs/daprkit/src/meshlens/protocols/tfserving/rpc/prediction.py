"""The service tensorflow.serving.PredictionService."""

from collections.abc import Mapping

import grpc

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Status
from meshlens.protocols.models import Function, Model
from meshlens.protocols.tfserving.descriptions import (
    SIGNATURE_DEF,
    check_metadata_fields,
    describe_signatures,
)
from meshlens.protocols.tfserving.examples import list_examples
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.prediction import check_names, choose_outputs, predict
from meshlens.protocols.tfserving.refusals import invalid, refuse
from meshlens.protocols.tfserving.results import Method, classify, regress
from meshlens.protocols.tfserving.rpc.calls import Answer, Call, add_service, list_shapes, parse
from meshlens.protocols.tfserving.rpc.tensors import read_tensor, write_tensor
from meshlens.protocols.tfserving.specs import ModelSpec, choose, lease
from meshlens.protocols.wire import tfserving_pb2 as wire
from meshlens.timing import Phase, note

SERVICE = "tensorflow.serving.PredictionService"


class PredictionService:
    """Answers the calls of the service.

    Args:
        offer: what is served.
    """

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def add(self, application: Application, server: grpc.Server) -> None:
        """Serve it."""
        methods = {
            "Predict": (Lane.WORK, self.predict),
            "Classify": (Lane.WORK, self.classify),
            "Regress": (Lane.WORK, self.regress),
            "MultiInference": (Lane.WORK, self.infer_several),
            "GetModelMetadata": (Lane.MANAGE, self.describe),
        }
        add_service(application, server, SERVICE, methods)

    def predict(self, call: Call) -> Answer:
        """Compute outputs from named tensors."""
        request = parse(wire.PredictRequest, call.body)
        with lease(self._offer.models, _find_spec(request)) as model:
            chosen = choose(model, request.model_spec.signature_name)
            if chosen is None:
                raise refuse(
                    Status.FAILED_PRECONDITION,
                    f'Serving signature key "{request.model_spec.signature_name}" not found.',
                )
            name, function = chosen
            most = self._offer.most_bytes
            check_names(function, request.inputs)
            with note(Phase.DECODE):
                tensors = {
                    alias: read_tensor(request.inputs[alias], alias, most_bytes=most)
                    for alias in sorted(request.inputs)
                }
            wanted = choose_outputs(function, list(request.output_filter))
            outputs = predict(function, tensors, wanted, most_bytes=most)
            response = wire.PredictResponse()
            for alias, array in outputs.items():
                write_tensor(array, response.outputs[alias])
            write_spec(model, name, response.model_spec)
            return _answer(response.SerializeToString(), model, list_shapes(outputs))

    def classify(self, call: Call) -> Answer:
        """Compute the classes of examples."""
        request = parse(wire.ClassificationRequest, call.body)
        with lease(self._offer.models, _find_spec(request)) as model:
            name, function = _choose(model, request.model_spec)
            examples = list_examples(request.input)
            response = wire.ClassificationResponse()
            response.result.CopyFrom(classify(function, examples))
            write_spec(model, name, response.model_spec)
            return _answer(response.SerializeToString(), model, {"examples": len(examples)})

    def regress(self, call: Call) -> Answer:
        """Compute the number of each example."""
        request = parse(wire.RegressionRequest, call.body)
        with lease(self._offer.models, _find_spec(request)) as model:
            name, function = _choose(model, request.model_spec)
            examples = list_examples(request.input)
            response = wire.RegressionResponse()
            response.result.CopyFrom(regress(function, examples))
            write_spec(model, name, response.model_spec)
            return _answer(response.SerializeToString(), model, {"examples": len(examples)})

    def infer_several(self, call: Call) -> Answer:
        """Classify and regress the same examples by several functions of one model."""
        request = parse(wire.MultiInferenceRequest, call.body)
        first = request.tasks[0].model_spec if request.tasks else wire.ModelSpec()
        with lease(self._offer.models, read_spec(first)) as model:
            tasks = _choose_tasks(model, request)
            examples = list_examples(request.input)
            response = wire.MultiInferenceResponse()
            for name, (method, function) in tasks.items():
                result = response.results.add()
                write_spec(model, name, result.model_spec)
                if method is Method.CLASSIFY:
                    result.classification_result.CopyFrom(classify(function, examples))
                else:
                    result.regression_result.CopyFrom(regress(function, examples))
            return _answer(response.SerializeToString(), model, {"examples": len(examples)})

    def describe(self, call: Call) -> Answer:
        """Describe the functions of a model."""
        request = parse(wire.GetModelMetadataRequest, call.body)
        spec = _find_spec(request)
        check_metadata_fields(list(request.metadata_field))
        model, signatures = describe_signatures(self._offer.models, spec)
        response = wire.GetModelMetadataResponse()
        write_spec(model, "", response.model_spec)
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return _answer(response.SerializeToString(), model, None)


def read_spec(spec: wire.ModelSpec) -> ModelSpec:
    """Return what a request names."""
    choice = spec.WhichOneof("version_choice")
    return ModelSpec(
        spec.name,
        version=spec.version.value if choice == "version" else None,
        label=spec.version_label if choice == "version_label" else None,
        signature=spec.signature_name,
    )


def write_spec(model: Model, signature: str, spec: wire.ModelSpec) -> None:
    """Write which version has answered, and which of its functions."""
    spec.name = model.name
    spec.version.value = int(model.version)
    spec.signature_name = signature


def _find_spec(
    request: wire.PredictRequest
    | wire.ClassificationRequest
    | wire.RegressionRequest
    | wire.GetModelMetadataRequest,
) -> ModelSpec:
    """Return what a request names.

    Raises:
        Refused: INVALID_ARGUMENT: it names nothing.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return read_spec(request.model_spec)


def _choose(model: Model, spec: wire.ModelSpec) -> tuple[str, Function]:
    chosen = choose(model, spec.signature_name)
    if chosen is None:
        raise invalid(f"No signature was found with the name: {spec.signature_name}")
    return chosen


def _choose_tasks(
    model: Model, request: wire.MultiInferenceRequest
) -> Mapping[str, tuple[Method, Function]]:
    """Return what to compute by the name of its function."""
    tasks: dict[str, tuple[Method, Function]] = {}
    for task in request.tasks:
        spec = task.model_spec
        if not spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if spec.name != request.tasks[0].model_spec.name:
            raise invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        chosen = choose(model, spec.signature_name)
        if chosen is None:
            raise invalid(f"Requested signature not found in model graph: {spec.signature_name}")
        name, function = chosen
        if name in tasks:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        if task.method_name not in (Method.CLASSIFY, Method.REGRESS):
            raise refuse(
                Status.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )
        tasks[name] = (Method(task.method_name), function)
    return tasks


def _answer(body: bytes, model: Model, result: Mapping[str, object] | None) -> Answer:
    return Answer(body, result, model.name, model.version, model.provenance)
