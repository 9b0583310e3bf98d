"""TensorFlow Serving's gRPC services on a real server."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import grpc
import numpy as np
import pytest
from contract.daprkit.http_calls import call
from google.protobuf.message import Message
from processes import free_ports
from unit.protocols.tfserving.served import (
    Computation,
    NoPicture,
    Served,
    ServedModels,
    offer,
    one,
    spec,
)

from meshlens.daprkit.application.status import Status, StatusTable
from meshlens.daprkit.client import CallError, Client
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode, ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.rpc.tensors import read_tensor, write_tensor
from meshlens.protocols.tfserving.service import list_routes, list_services
from meshlens.protocols.wire import tfserving_pb2 as wire
from meshlens.protocols.wire.tensorflow_pb2 import Example, TensorProto

INVALID, NOT_FOUND = Status.INVALID_ARGUMENT, Status.NOT_FOUND
PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
PATIENCE = 30
MOST = 1_000_000

M = TypeVar("M", bound=Message)


class Caller:
    """Calls the services as a stub does.

    Attributes:
        rest: calls the same methods by their paths.
    """

    def __init__(self, channel: grpc.Channel, rest: Client) -> None:
        self._channel = channel
        self.rest = rest

    def call(
        self,
        service: str,
        method: str,
        request: Message,
        answer: type[M],
        timeout: float = PATIENCE,
    ) -> M:
        return answer.FromString(self.send(service, method, request.SerializeToString(), timeout))

    def send(self, service: str, method: str, body: bytes, timeout: float = PATIENCE) -> bytes:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/{service}/{method}"
        )
        return call(body, timeout=timeout)

    def predict(
        self, request: wire.PredictRequest, timeout: float = PATIENCE
    ) -> wire.PredictResponse:
        return self.call(PREDICTION, "Predict", request, wire.PredictResponse, timeout)


@contextmanager
def serving(served: Offer, **changes: object) -> Iterator[Caller]:
    values: dict[str, object] = {"app_id": "served", "app_port": 0, "events": EventMode.OFF}
    settings = ServerSettings.model_validate(values | changes)
    sidecar = Sidecar(settings)
    statuses: StatusTable = {NoPicture: INVALID}
    server = Server(
        settings, list_routes(served), statuses, sidecar, services=list_services(served)
    )
    port = server.start()
    try:
        with (
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
            Client(f"127.0.0.1:{port}") as rest,
        ):
            yield Caller(channel, rest)
    finally:
        server.stop()
        sidecar.close()


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with serving(offer()) as calling:
        yield calling


def text_of(refused: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    return refused.value.details() or ""


def ask(
    name: str = "double",
    tensors: Mapping[str, Array] | None = None,
    *,
    version: int | None = None,
    label: str = "",
    signature: str = "",
    outputs: tuple[str, ...] = (),
) -> wire.PredictRequest:
    request = wire.PredictRequest(output_filter=outputs)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    for alias, array in (tensors or {}).items():
        write_tensor(array, request.inputs[alias])
    return request


X = np.array([[1, 2.5]], np.float32)
A, B = np.array([1, 2], np.int32), np.array([0.5, 4], np.float32)


def examples(*features: int) -> wire.Input:
    given = wire.Input()
    for count in features:
        example = given.example_list.examples.add()
        for number in range(count):
            example.features.feature[f"f{number}"].int64_list.value.append(number)
    return given


def test_outputs_stand_in_typed_fields(caller: Caller) -> None:
    answer = caller.predict(ask("double", {"x": X}))
    assert list(answer.outputs["y"].float_val) == [2.0, 5.0]
    assert not answer.outputs["y"].tensor_content
    assert [dim.size for dim in answer.outputs["y"].tensor_shape.dim] == [1, 2]


def test_the_answer_names_what_has_answered(caller: Caller) -> None:
    chosen = {
        (3, "serving_default"): ask("double", {"x": X}),
        (1, "serving_default"): ask("double", {"x": X}, label="stable"),
        (3, "other"): ask("double", {"a": A, "b": B}, version=3, signature="other"),
        (0, "serving_default"): ask("join", {"a": A, "b": B}, version=0),
    }
    for (version, signature), request in chosen.items():
        spec_ = caller.predict(request).model_spec
        assert (spec_.version.value, spec_.signature_name) == (version, signature)
        assert spec_.WhichOneof("version_choice") == "version"


def test_a_filter_chooses_outputs(caller: Caller) -> None:
    answer = caller.predict(ask("join", {"a": A, "b": B}, outputs=("sum", "both")))
    assert set(answer.outputs) == {"sum", "both"}
    assert list(answer.outputs["sum"].double_val) == [1.5, 6.0]
    assert list(answer.outputs["both"].bool_val) == [True, False]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u1", "u4", "u8", "c8", "c16"])
def test_arrays_of_each_type_go_both_ways(caller: Caller, dtype: str) -> None:
    array = np.arange(6).astype(dtype).reshape(1, 2, 3)
    answer = caller.predict(ask(f"echo-{dtype}", {"x": array}))
    again = read_tensor(answer.outputs["x"], "x", most_bytes=MOST)
    assert again.dtype == array.dtype
    assert again.tolist() == array.tolist()


def test_strings_are_pictures_for_a_model_of_pictures(caller: Caller) -> None:
    for pictures, expected in (
        (np.array(b"picture", object), [7, 7]),
        (np.array([b"picture", b"pictures"], object), [7, 7, 8, 8]),
    ):
        answer = caller.predict(ask("pictures", {"image": pictures}))
        assert list(answer.outputs["scores"].float_val) == expected


def test_what_is_no_picture_is_refused(caller: Caller) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.predict(ask("pictures", {"image": np.array([b"none"], object)}))
    assert refused.value.code() is INVALID
    assert refused.value.details() == "expected a picture, got other bytes; send one"


CHOSEN = "Servable not found for request:"
SIZES = "input size does not match signature:"


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        (wire.PredictRequest(), INVALID, "Missing ModelSpec"),
        (ask(""), INVALID, "ModelSpec has no name specified."),
        (ask("none"), NOT_FOUND, f"{CHOSEN} Latest(none)"),
        (ask(version=5), NOT_FOUND, f"{CHOSEN} Specific(double, 5)"),
        (ask(version=-1), NOT_FOUND, f"{CHOSEN} Specific(double, -1)"),
        (ask(label="x"), INVALID, "Unrecognized servable version label: x"),
        (ask("failed"), NOT_FOUND, f"{CHOSEN} Latest(failed)"),
        (
            ask("loading"),
            Status.UNAVAILABLE,
            f"{CHOSEN} Latest(loading): version 1 is LOADING; try again in a moment",
        ),
        (
            ask(signature="x"),
            Status.FAILED_PRECONDITION,
            'Serving signature key "x" not found.',
        ),
        (
            ask("join", {"a": A}),
            INVALID,
            (
                f"{SIZES} 1!=2 len({{a}}) != len({{a,b}}). Sent extra: {{}}."
                " Missing but required: {b}."
            ),
        ),
        (
            ask("double", {"x": X, "z": X}),
            INVALID,
            (
                f"{SIZES} 2!=1 len({{x,z}}) != len({{x}}). Sent extra: {{z}}."
                " Missing but required: {}."
            ),
        ),
        (
            ask("double", {"z": X}),
            INVALID,
            "input tensor alias not found in signature: z. Inputs expected to be in the set {x}.",
        ),
        (
            ask("double", {"x": X}, outputs=("z",)),
            INVALID,
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        (
            ask("double", {"x": X}, outputs=("y", "y")),
            INVALID,
            "duplicate output tensor alias: y",
        ),
        (
            ask("double", {"x": X.astype(np.int64)}),
            INVALID,
            "Expects arg[0] to be float but int64 is provided",
        ),
        (
            ask("double", {"x": np.array([b"a"], object)}),
            INVALID,
            "Expects arg[0] to be float but string is provided",
        ),
        (
            ask("double", {"x": X[0]}),
            INVALID,
            "input tensor shape does not match signature: x expects [-1,2] but got [2]",
        ),
        (
            ask("pictures", {"image": np.array([[b"picture"]], object)}),
            INVALID,
            (
                "input tensor image expects encoded pictures of shape [] or [n] with n > 0 but got"
                " [1,1]"
            ),
        ),
    ],
)
def test_statuses_and_texts_of_predict(
    caller: Caller, request_: wire.PredictRequest, status: Status, text: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.predict(request_)
    assert (refused.value.code(), refused.value.details()) == (status, text)


def test_a_huge_shape_is_refused_before_anything_is_allocated(caller: Caller) -> None:
    request = ask()
    proto = request.inputs["x"]
    proto.CopyFrom(TensorProto(dtype="DT_FLOAT", float_val=[1]))
    proto.tensor_shape.dim.add().size = 10**12
    with pytest.raises(grpc.RpcError) as refused:
        caller.predict(request)
    assert refused.value.code() is INVALID
    assert text_of(refused).startswith("tensor parsing error: x (")


def test_a_long_text_is_cut(caller: Caller) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.predict(ask("n" * 2000))
    text = f"{CHOSEN} Latest({'n' * 2000})"
    assert refused.value.details() == text[:1024] + "...TRUNCATED"


def test_what_is_no_message_is_refused(caller: Caller) -> None:
    for service, method in ((PREDICTION, "Predict"), (MODEL, "GetModelStatus")):
        with pytest.raises(grpc.RpcError) as refused:
            caller.send(service, method, b"\xff" * 20)
        assert refused.value.code() is INVALID


def test_examples_are_classified(caller: Caller) -> None:
    request = wire.ClassificationRequest(input=examples(2, 0))
    request.model_spec.name = "rows"
    answer = caller.call(PREDICTION, "Classify", request, wire.ClassificationResponse)
    assert [
        [(each.label, each.score) for each in row.classes] for row in answer.result.classifications
    ] == [[("many", 2.0), ("few", 0.25)], [("many", 0.0), ("few", 0.25)]]
    assert answer.model_spec.version.value == 1


def test_examples_are_given_their_context_and_regressed(caller: Caller) -> None:
    request = wire.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = "rows", "count"
    listed = request.input.example_list_with_context
    listed.context.features.feature["all"].float_list.value.append(1)
    listed.examples.extend([Example(), *examples(2).example_list.examples])
    answer = caller.call(PREDICTION, "Regress", request, wire.RegressionResponse)
    assert [each.value for each in answer.result.regressions] == [1.0, 3.0]


def test_several_functions_infer_from_the_same_examples(caller: Caller) -> None:
    request = wire.MultiInferenceRequest(input=examples(1))
    for signature, method in (("count", "regress"), ("", "classify")):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "rows", signature
    answer = caller.call(PREDICTION, "MultiInference", request, wire.MultiInferenceResponse)
    regressed, classified = answer.results
    assert regressed.model_spec.signature_name == "count"
    assert [each.value for each in regressed.regression_result.regressions] == [1.0]
    assert classified.model_spec.signature_name == "serving_default"
    assert len(classified.classification_result.classifications) == 1


def infer(*tasks: tuple[str, str, str], given: wire.Input | None = None) -> Message:
    request = wire.MultiInferenceRequest(input=given or examples(1))
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    return request


CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        (infer(), INVALID, "ModelSpec has no name specified."),
        (infer(("none", "", CLASSIFY)), NOT_FOUND, f"{CHOSEN} Latest(none)"),
        (
            infer(("rows", "", CLASSIFY), ("", "count", REGRESS)),
            INVALID,
            "Found ModelSpec with an empty model name.",
        ),
        (
            infer(("rows", "", CLASSIFY), ("join", "", REGRESS)),
            INVALID,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            infer(("rows", "", CLASSIFY), ("rows", "serving_default", CLASSIFY)),
            INVALID,
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            infer(("rows", "x", CLASSIFY)),
            INVALID,
            "Requested signature not found in model graph: x",
        ),
        (
            infer(("rows", "", "tensorflow/serving/other")),
            Status.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/other",
        ),
        (infer(("rows", "", CLASSIFY), given=wire.Input()), INVALID, "Input is empty."),
        (
            infer(("rows", "plain", REGRESS)),
            INVALID,
            (
                f"Expected regression signature method_name to be {REGRESS}."
                " Was: tensorflow/serving/predict"
            ),
        ),
    ],
)
def test_statuses_and_texts_of_multi_inference(
    caller: Caller, request_: Message, status: Status, text: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.call(PREDICTION, "MultiInference", request_, wire.MultiInferenceResponse)
    assert (refused.value.code(), refused.value.details()) == (status, text)


def about(name: str, *fields: str) -> wire.GetModelMetadataRequest:
    request = wire.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    return request


def test_metadata_is_a_map_of_signatures(caller: Caller) -> None:
    request = about("double", "signature_def")
    answer = caller.call(PREDICTION, "GetModelMetadata", request, wire.GetModelMetadataResponse)
    packed = answer.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signatures = wire.SignatureDefMap.FromString(packed.value).signature_def
    assert set(signatures) == {"serving_default", "other"}
    assert signatures["other"].inputs["a"].dtype == 3
    assert answer.model_spec.version.value == 3


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        (wire.GetModelMetadataRequest(), INVALID, "Missing ModelSpec"),
        (
            about("double"),
            INVALID,
            "GetModelMetadataRequest must specify at least one metadata_field",
        ),
        (about("double", "x"), INVALID, "Metadata field x is not supported"),
        (about("none", "signature_def"), NOT_FOUND, f"{CHOSEN} Latest(none)"),
    ],
)
def test_statuses_and_texts_of_metadata(
    caller: Caller, request_: Message, status: Status, text: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.call(PREDICTION, "GetModelMetadata", request_, wire.GetModelMetadataResponse)
    assert (refused.value.code(), refused.value.details()) == (status, text)


def state_of(caller: Caller, request: wire.GetModelStatusRequest) -> wire.GetModelStatusResponse:
    return caller.call(MODEL, "GetModelStatus", request, wire.GetModelStatusResponse)


def test_the_state_of_versions_is_told(caller: Caller) -> None:
    request = wire.GetModelStatusRequest()
    request.model_spec.name, request.model_spec.version_label = "double", "ignored"
    states = wire.ModelVersionStatus.State
    assert [
        (each.version, each.state, each.status.error_code)
        for each in state_of(caller, request).model_version_status
    ] == [(3, states.AVAILABLE, 0), (1, states.AVAILABLE, 0)]
    request.model_spec.name = "loading"
    assert state_of(caller, request).model_version_status[0].state == states.LOADING


def test_statuses_and_texts_of_states(caller: Caller) -> None:
    unknown, version = wire.GetModelStatusRequest(), wire.GetModelStatusRequest()
    unknown.model_spec.name = "none"
    version.model_spec.name, version.model_spec.version.value = "double", 9
    for request, status, text in (
        (wire.GetModelStatusRequest(), INVALID, "Missing ModelSpec"),
        (unknown, NOT_FOUND, "Could not find any versions of model none"),
        (version, NOT_FOUND, "Could not find version 9 of model double"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            state_of(caller, request)
        assert (refused.value.code(), refused.value.details()) == (status, text)


def reload(caller: Caller, *configs: wire.ModelConfig) -> wire.ReloadConfigResponse:
    request = wire.ReloadConfigRequest()
    request.config.model_config_list.config.extend(configs)
    return caller.call(MODEL, "HandleReloadConfigRequest", request, wire.ReloadConfigResponse)


def test_callers_may_not_choose_the_models_unless_the_operator_allows_it(caller: Caller) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        reload(caller, wire.ModelConfig(name="double"))
    assert refused.value.code() is Status.PERMISSION_DENIED
    assert text_of(refused).startswith("ADMIN must name who may change what is served")


def test_a_list_of_models_is_loaded_and_the_others_are_unloaded() -> None:
    served = offer()
    assert isinstance(served.models, ServedModels)
    with serving(served, admin="true") as caller:
        answer = reload(caller, wire.ModelConfig(name="double", base_path="/models/double/"))
    assert answer.HasField("status")
    assert answer.status.error_code == 0
    changes = served.models.changes
    assert changes[0] == "load double"
    assert {"unload join", "unload loading"} <= set(changes[1:])
    assert "unload double" not in changes


@pytest.mark.parametrize(
    ("config", "status", "text"),
    [
        (wire.ModelConfig(), INVALID, "ModelConfig has no name specified."),
        (wire.ModelConfig(name="none"), NOT_FOUND, "Could not find any versions of model none"),
        (wire.ModelConfig(name="failed"), Status.UNAVAILABLE, "model failed cannot be loaded"),
        (wire.ModelConfig(name="double", base_path="/other"), INVALID, "base_path of model double"),
        (
            wire.ModelConfig(name="double", version_labels={"stable": 1}),
            INVALID,
            "model double has a version policy or labels; set MODEL_VERSIONS",
        ),
    ],
)
def test_a_list_that_says_more_than_names_is_refused(
    config: wire.ModelConfig, status: Status, text: str
) -> None:
    served = offer()
    assert isinstance(served.models, ServedModels)
    with serving(served, admin="true") as caller, pytest.raises(grpc.RpcError) as refused:
        reload(caller, config)
    assert refused.value.code() is status
    assert text_of(refused).startswith(text)
    assert not served.models.changes


def test_a_configuration_of_another_kind_is_refused() -> None:
    with serving(offer(), admin="true") as caller, pytest.raises(grpc.RpcError) as refused:
        caller.call(
            MODEL,
            "HandleReloadConfigRequest",
            wire.ReloadConfigRequest(),
            wire.ReloadConfigResponse,
        )
    assert refused.value.code() is INVALID
    assert "Only ModelConfigList is currently supported" in text_of(refused)


def test_a_call_whose_deadline_has_passed_in_the_queue_never_reaches_the_model() -> None:
    begun, release = threading.Event(), threading.Event()

    def wait(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        begun.set()
        assert release.wait(PATIENCE)
        return {"y": tensors["x"]}

    slow = Computation([spec("x", "f4", ())], [spec("y", "f4", ())], wait)
    models = ServedModels([Served("slow", "1", one(slow))], {}, [])
    request = ask("slow", {"x": np.array(1, np.float32)})
    with serving(replace(offer(), models=models), workers=1, queue_per_worker=4) as caller:
        first = threading.Thread(target=caller.predict, args=(request,))
        first.start()
        assert begun.wait(PATIENCE)
        with pytest.raises(grpc.RpcError) as refused:
            caller.predict(request, timeout=0.2)
        assert refused.value.code() is Status.DEADLINE_EXCEEDED
        release.set()
        first.join()
        caller.predict(request)
    assert len(slow.calls) == 2, "the one that came too late was never computed"


def test_the_paths_answer_as_the_services_do(caller: Caller) -> None:
    reply = caller.rest.invoke("served", "v1/models/double:predict", b'{"inputs": [[1, 2.5]]}')
    assert b'"outputs": [[2.0, 5.0]]' in reply.body
    with pytest.raises(CallError) as refused:
        caller.rest.invoke("served", "v1/models/none:predict", b'{"inputs": 1}')
    assert refused.value.code == "NOT_FOUND"
    assert refused.value.message == f"{CHOSEN} Latest(none)"


@pytest.mark.parametrize(
    ("verb", "path", "status", "text"),
    [
        ("GET", "v1/models/none", 404, "Could not find any versions of model none"),
        ("POST", "v1/models/none:predict", 404, f"{CHOSEN} Latest(none)"),
        (
            "POST",
            "v1/models/loading:predict",
            503,
            f"{CHOSEN} Latest(loading): version 1 is LOADING; try again in a moment",
        ),
        ("POST", "v1/models/double:foo", 400, "Malformed request: POST /v1/models/double:foo"),
        (
            "GET",
            "v1/models/double:predict",
            400,
            "Malformed request: GET /v1/models/double:predict",
        ),
        ("PUT", "v1/models/double", 400, "Malformed request: PUT /v1/models/double"),
        ("GET", "v1/none", 400, "Malformed request: GET /v1/none"),
        ("POST", "v1/models/echo-f2:predict", 501, "Conversion of JSON Value: 1 to type: half"),
    ],
)
def test_the_listener_answers_errors_exactly(verb: str, path: str, status: int, text: str) -> None:
    port = next(free_ports())
    with serving(offer(), http_port=port):
        answer = call(port, f"/{path}", b'{"inputs": 1}' if verb == "POST" else None, verb=verb)
    assert (answer.status, answer.json()) == (status, {"error": text})
    assert answer.headers["content-type"] == "application/json"
