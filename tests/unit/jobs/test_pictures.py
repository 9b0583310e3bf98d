import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.classify.batch.answering import Refusal
from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.pictures import Pictures, ServiceModel
from meshlens.jobs.settings import Settings

MODEL = {"model": "objects", "version": "1", "task": "classify", "options": {"top_k": "3"}}
ANSWER = {
    "model": "objects",
    "version": "1",
    "answers": [
        {"labels": [{"label": "espresso"}]},
        {"error": {"code": "INVALID_ARGUMENT", "reason": "INVALID_IMAGE", "message": "no picture"}},
    ],
}


class Mesh(appcallback_service_v1.AppCallbackServicer):
    """A sidecar with an app behind it: answers calls from a list, or refuses them."""

    def __init__(self) -> None:
        self.answers: list[object] = []
        self.calls: list[common_v1.InvokeRequest] = []

    def OnInvoke(  # noqa: N802 - Dapr's name
        self, request: common_v1.InvokeRequest, context: grpc.ServicerContext
    ) -> common_v1.InvokeResponse:
        """Answer with the next of the list."""
        self.calls.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "refused")
        return common_v1.InvokeResponse(data=any_pb2.Any(value=json.dumps(answer).encode()))


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = Mesh()
    appcallback_service_v1.add_AppCallbackServicer_to_server(servicer, server)
    servicer.port = server.add_insecure_port("127.0.0.1:0")  # type: ignore[attr-defined] # for the fixture below
    server.start()
    yield servicer
    server.stop(None)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def model(mesh: Mesh, pauses: list[float]) -> ServiceModel:
    settings = Settings(dapr_grpc_port=mesh.port)  # type: ignore[attr-defined] # as above
    return ServiceModel(settings, pause=pauses.append)


def test_each_picture_has_its_answer_or_its_refusal(mesh: Mesh, model: ServiceModel) -> None:
    mesh.answers = [ANSWER]
    answers = model.answer(MODEL, [b"coffee", b"bad"])
    assert answers == [ANSWER["answers"][0], Refusal("INVALID_IMAGE", "no picture")]
    (call,) = mesh.calls
    assert call.method == "classify"
    assert "model=objects%401" in call.http_extension.querystring
    assert "top_k=3" in call.http_extension.querystring
    images = json.loads(call.data.value)["images"]
    assert [*map(base64.b64decode, images)] == [b"coffee", b"bad"]


def test_a_service_that_is_away_is_waited_for(
    mesh: Mesh, model: ServiceModel, pauses: list[float]
) -> None:
    away = grpc.StatusCode.UNAVAILABLE
    mesh.answers = [away, away, ANSWER]
    assert len(model.answer(MODEL, [b"coffee", b"bad"])) == 2
    assert pauses == [0.2, 0.4]


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED]
)
def test_a_service_that_refuses_several_pictures_fails_their_part(
    mesh: Mesh, model: ServiceModel, code: grpc.StatusCode
) -> None:
    mesh.answers = [code]
    with pytest.raises(PartFailed, match="classify must answer, got refused"):
        model.answer(MODEL, [b"coffee", b"bad"])


def test_a_picture_that_is_refused_alone_fails_alone(mesh: Mesh, model: ServiceModel) -> None:
    mesh.answers = [grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert model.answer(MODEL, [b"large"]) == [Refusal("RESOURCE_EXHAUSTED", "refused")]


def test_another_version_of_the_model_ends_the_job(mesh: Mesh, model: ServiceModel) -> None:
    mesh.answers = [{**ANSWER, "version": "2"}]
    with pytest.raises(InputChanged, match="must stay at version 1, got 2"):
        model.answer(MODEL, [b"coffee", b"bad"])


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({}, "folder: Field required"),
        ({"folder": "pictures"}, "folder: it must be an absolute path"),
        ({"folder": "dapr://binding/photos/../a"}, "'dapr://binding/photos/../a'"),
        ({"folder": "/a", "colour": 1}, "colour: Extra inputs"),
        ({"folder": "/a", "glob": 5}, "glob: "),
        ({"folder": "/a", "format": "xml"}, "format: "),
        ({"folder": "/a", "max_bytes": -1}, "max_bytes: "),
        ({"folder": "/a", "top_k": "many"}, "top_k: "),
    ],
)
def test_options_that_are_wrong_are_refused_by_name(options: dict[str, Any], got: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        Pictures().identify(options)
    assert refused.value.got.startswith(got)
