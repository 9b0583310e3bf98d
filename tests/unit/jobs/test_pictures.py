import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import grpc
import pytest
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2
from reference import Documented

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import encode
from meshlens.batch.loop import Progress, run
from meshlens.batch.objects import FolderObjects
from meshlens.classify import cli
from meshlens.classify.batch.answering import Refusal
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidOption
from meshlens.classify.models import shipped_models
from meshlens.classify.service import Service as Classify
from meshlens.classify.serving.repository import Repository
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.faults import Fault
from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.pictures import Pictures, ServiceModel
from meshlens.jobs.settings import Settings

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
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


class ClassifyMesh(appcallback_service_v1.AppCallbackServicer):
    """A sidecar with classify behind it."""

    def __init__(self, repository: Repository) -> None:
        self._classify = Documented(Classify(repository, max_pixels=MAX_PIXELS).routes())

    def OnInvoke(  # noqa: N802 - Dapr's name
        self, request: common_v1.InvokeRequest, context: grpc.ServicerContext
    ) -> common_v1.InvokeResponse:
        """Answer as classify does."""
        query = dict(parse_qsl(request.http_extension.querystring))
        verb = "POST" if request.data.value else "GET"
        try:
            reply = self._classify.call(
                verb, request.method, request.data.value, request.content_type, **query
            )
        except Fault as fault:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(fault))
        return common_v1.InvokeResponse(data=any_pb2.Any(value=reply.body))


@contextmanager
def serve(servicer: appcallback_service_v1.AppCallbackServicer) -> Iterator[int]:
    """Serve on a port, which is yielded."""
    server = grpc.server(ThreadPoolExecutor(2))
    appcallback_service_v1.add_AppCallbackServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def model(mesh: Mesh, pauses: list[float]) -> Iterator[ServiceModel]:
    with serve(mesh) as port:
        yield ServiceModel(Settings(dapr_grpc_port=port), pause=pauses.append)


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


@pytest.fixture(scope="module")
def repository() -> Repository:
    return Repository(shipped_models(), partial(open_engine, workers=1), default="digits")


@pytest.fixture
def classify(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of jobs by which it reaches classify."""
    repository.load("digits", "")
    with serve(ClassifyMesh(repository)) as port:
        monkeypatch.setenv("DAPR_GRPC_PORT", str(port))
        monkeypatch.setenv("JOB_INPUTS", "*")
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("classify")
@pytest.mark.parametrize("model", ["", "digits", "digits@1"])
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--top-k", "3"], {"top_k": 3}),
        (["--top-k", "3", "--format", "parquet"], {"top_k": "3", "format": "parquet"}),
        (["--glob", "digit-*"], {"glob": "digit-*", "top_k": None}),
    ],
)
def test_the_command_and_the_service_have_one_job(
    model: str, arguments: list[str], options: dict[str, Any], tmp_path: Path
) -> None:
    folder = SAMPLES.absolute()
    job = Pictures()
    identity = job.identify({"folder": str(folder), "model": model, **options})
    named = ["--model", model or "digits", "--job", str(tmp_path / "job")]
    assert cli.main(["batch", str(folder), *named, *arguments]) in {0, 2}
    assert (tmp_path / "job" / "job.json").read_bytes() == encode(identity)
    # Nothing of it is left to do, and the summary is the same.
    objects = FolderObjects(tmp_path / "job")
    summary = objects.get("summary.json")
    states: list[Progress] = []
    run(job, identity, objects, watch=states.append)
    assert [state.done for state in states] == [state.of for state in states]
    assert objects.get("summary.json") == summary


@pytest.mark.slow
@pytest.mark.usefixtures("classify")
def test_an_option_that_the_task_does_not_have_is_refused_before_a_job_begins() -> None:
    with pytest.raises(InvalidOption, match="the options are: model, key, top_k") as refused:
        Pictures().identify({"folder": str(SAMPLES), "threshold": 0.5})
    assert refused.value.option == "threshold"
