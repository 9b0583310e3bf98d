"""The main job: real input through two real sidecars, an answer, and its event."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import grpc
import numpy as np
import pytest
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf import any_pb2
from mesh import Mesh, Profile
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

from meshlens.command.subscriber import Subscriber
from meshlens.daprkit.client import Client

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLES = Path(__file__).resolve().parents[2] / "services/classify/samples"


@pytest.fixture(scope="module")
def points() -> bytes:
    """The sepal and petal widths of 150 iris flowers, as x1,y1,x2,y2,..."""
    return ",".join(f"{value:g}" for value in iris().ravel()).encode()


def iris() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table: np.ndarray[tuple[int, int], np.dtype[np.float64]] = load_iris().data[:, [1, 3]]
    return table


@pytest.fixture(scope="module")
def real_mesh(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services with the real models of the shared folder."""
    folder = tmp_path_factory.mktemp("real")
    with Mesh(Profile.EMBEDDED, folder, models=shared / "models") as running:
        yield running


@pytest.fixture(scope="module")
def pca_events(each_mesh: Mesh) -> Iterator[Subscriber]:
    with Subscriber(each_mesh.grpc_port("pca")) as subscriber:
        yield subscriber


@pytest.fixture(scope="module")
def classify_events(each_mesh: Mesh) -> Iterator[Subscriber]:
    with Subscriber(each_mesh.grpc_port("classify")) as subscriber:
        yield subscriber


def invoke_service(port: int, app: str, method: str, body: bytes) -> common_v1.InvokeResponse:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer: common_v1.InvokeResponse = api_service_v1.DaprStub(channel).InvokeService(
            api_v1.InvokeServiceRequest(
                id=app,
                message=common_v1.InvokeRequest(
                    method=method,
                    data=any_pb2.Any(value=body),
                    content_type="text/csv",
                    http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.POST),
                ),
            )
        )
    return answer


def test_every_way_through_the_mesh_gives_the_same_picture(each_mesh: Mesh, points: bytes) -> None:
    over_http = each_mesh.call(
        "classify", "pca", "plot", points, headers={"content-type": "text/csv"}
    )
    assert over_http.status == 200
    assert over_http.headers["Content-Type"] == "image/svg+xml"
    assert over_http.headers["X-Content-Type-Options"] == "nosniff"
    port = each_mesh.grpc_port("classify")
    assert invoke_service(port, "pca", "plot", points).data.value == over_http.body
    with Client(f"127.0.0.1:{port}") as client:
        assert client.invoke("pca", "plot", points, content_type="text/csv").body == over_http.body


def test_the_shared_points_too_give_the_same_picture(mesh: Mesh, shared: Path) -> None:
    body = (shared / "points/iris.csv").read_bytes()
    form = {"content-type": "application/x-www-form-urlencoded"}
    over_http = mesh.call("classify", "pca", "plot", body, headers=form)
    over_grpc = invoke_service(mesh.grpc_port("classify"), "pca", "plot", body)
    assert over_http.status == 200
    assert over_grpc.data.value == over_http.body


def test_the_fitted_model_has_the_numbers_of_scikit_learn(each_mesh: Mesh, points: bytes) -> None:
    answer = each_mesh.call("classify", "pca", "fit", points)
    model = json.loads(answer.body)
    reference = PCA().fit(iris())
    for name in ("explained_variance", "explained_variance_ratio", "mean", "components"):
        expected = getattr(reference, f"{name}_")
        np.testing.assert_allclose(model[name], expected, rtol=1e-9, err_msg=name)


def test_a_stored_fit_transforms_new_points_through_any_sidecar(
    each_mesh: Mesh, points: bytes
) -> None:
    model = json.loads(each_mesh.call("classify", "pca", "fit", points).body)
    stored = each_mesh.call("pca", "pca", f"fits/{model['id']}", verb="GET")
    assert json.loads(stored.body).items() <= model.items()
    new = each_mesh.call("classify", "pca", f"transform?fit={model['id']}", b"3,1,4,2")
    expected = PCA().fit(iris()).transform([[3, 1], [4, 2]])
    np.testing.assert_allclose(json.loads(new.body)["scores"], expected, rtol=1e-9)


def test_scores_go_back_to_points_until_the_fit_is_deleted(each_mesh: Mesh, points: bytes) -> None:
    model = json.loads(each_mesh.call("classify", "pca", "fit", points).body)
    by_id = f"?fit={model['id']}"
    scores = json.loads(each_mesh.call("classify", "pca", f"transform{by_id}", points).body)
    back = each_mesh.call(
        "classify",
        "pca",
        f"inverse{by_id}",
        json.dumps(scores["scores"]).encode(),
        headers={"content-type": "application/json", "accept": "text/csv"},
    )
    assert back.status == 200, back.text
    rows = np.loadtxt(back.text.splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(rows, iris(), atol=1e-9)
    assert each_mesh.call("pca", "pca", f"fits/{model['id']}", verb="DELETE").status == 200
    assert each_mesh.call("pca", "pca", f"transform{by_id}", points).status == 404


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("text/plain", "text/plain"),
        ("text/html", "text/html"),
    ],
)
def test_the_admiral_is_seen_in_uniform(
    real_mesh: Mesh, shared: Path, accept: str, content_type: str
) -> None:
    picture = (shared / "images/grace_hopper.jpg").read_bytes()
    answer = real_mesh.call(
        "pca",
        "classify",
        "classify",
        picture,
        headers={"content-type": "image/jpeg", "accept": accept},
    )
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].partition(";")[0] == content_type
    if content_type == "application/json":
        first = json.loads(answer.body)["labels"][0]
        assert (first["index"], first["label"]) == (653, "military uniform")
        assert first["probability"] == pytest.approx(0.92, abs=0.02)
    else:
        assert "very likely" in answer.text
        assert "military uniform" in answer.text


def test_the_purple_gallinule_is_named_by_the_birds(real_mesh: Mesh, shared: Path) -> None:
    picture = (shared / "images/purple_gallinule.jpg").read_bytes()
    answer = real_mesh.call("pca", "classify", "classify?model=aiy_birds_v1", picture)
    assert answer.status == 200, answer.text
    first = json.loads(answer.body)["labels"][0]
    assert (first["index"], first["label"]) == (576, "Porphyrio martinicus")
    assert first["probability"] == pytest.approx(0.85, abs=0.02)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("digit-*.png")), ids=lambda path: path.stem)
def test_digits_reads_the_digits_of_the_samples(mesh: Mesh, sample: Path) -> None:
    answer = mesh.call("pca", "classify", "classify?model=digits", sample.read_bytes())
    digit = re.findall(r"\d", sample.stem)[0]
    assert json.loads(answer.body)["labels"][0]["label"] == digit


@pytest.mark.parametrize(
    ("photo", "sentence"),
    [
        ("coffee", "It is very likely an espresso."),
        ("camera", "It is very likely a tripod."),
        ("chelsea", "It is very likely an Egyptian cat."),
    ],
)
def test_a_photo_needs_no_model(mesh: Mesh, photo: str, sentence: str) -> None:
    picture = (SAMPLES / f"{photo}.jpg").read_bytes()
    headers = {"content-type": "image/jpeg", "accept": "text/plain"}
    answer = mesh.call("pca", "classify", "classify", picture, headers=headers)
    assert answer.text.splitlines()[0] == sentence


def test_the_loaded_models_are_listed(mesh: Mesh) -> None:
    answer = mesh.call("pca", "classify", "models", verb="GET")
    assert answer.status == 200
    assert "AVAILABLE" in answer.text
    assert {"digits", "objects"} <= {it["model"] for it in json.loads(answer.body)["models"]}


def test_each_result_is_one_event_at_a_subscriber(
    each_mesh: Mesh, pca_events: Subscriber, points: bytes
) -> None:
    body = points + b",9,9"
    digest = hashlib.sha256(body).hexdigest()
    model = json.loads(each_mesh.call("classify", "pca", "fit", body).body)
    event = pca_events.next(lambda event: event.data["input"]["sha256"] == digest)
    assert str(uuid.UUID(event.id)) == event.id == event.data["id"]
    assert (event.source, event.type) == ("pca", "meshlens.result.v1")
    assert (event.data["method"], event.data["outcome"]) == ("fit", "OK")
    assert event.data["input"]["size"] == len(body)
    assert event.data["result"]["explained_variance_ratio"] == model["explained_variance_ratio"]
    assert 0 < event.data["elapsed_seconds"] < 30
    assert points.decode()[:20] not in json.dumps(event.data)


def test_a_failure_is_an_event_too(each_mesh: Mesh, classify_events: Subscriber) -> None:
    digest = hashlib.sha256(b"no picture").hexdigest()
    answer = each_mesh.call("pca", "classify", "classify", b"no picture")
    event = classify_events.next(lambda event: event.data["input"]["sha256"] == digest)
    assert answer.status == 400
    assert event.data["outcome"] == "INVALID_ARGUMENT"
    assert event.data["reason"] == json.loads(answer.body)["details"][0]["reason"]
    assert event.data["message"] == event.data["reason"] == "INVALID_IMAGE"


def test_an_event_quotes_nothing_of_the_input_that_its_caller_is_shown(
    each_mesh: Mesh, pca_events: Subscriber
) -> None:
    body = b"a,b\n1,2\n3,oops-4111-1111-1111-1111\n"
    digest = hashlib.sha256(body).hexdigest()
    answer = each_mesh.call("classify", "pca", "fit", body)
    event = pca_events.next(lambda event: event.data["input"]["sha256"] == digest)
    assert "oops-4111" in answer.text
    assert event.data["places"] == [{"row": 3, "column": 2}]
    assert event.data["message"] == "INVALID_TABLE at row 3, column 2"
    assert "oops" not in json.dumps(event.data)


def test_the_trace_of_the_request_travels_in_the_event(
    each_mesh: Mesh, pca_events: Subscriber, points: bytes
) -> None:
    body = points + b",8,8"
    digest = hashlib.sha256(body).hexdigest()
    parent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    each_mesh.call("classify", "pca", "plot", body, headers=parent)
    event = pca_events.next(lambda event: event.data["input"]["sha256"] == digest)
    assert event.extensions["traceparent"].split("-")[1] == TRACE


def test_an_app_that_was_killed_is_served_again_by_the_same_sidecar(
    mesh: Mesh, points: bytes
) -> None:
    before = mesh.process("pca-daprd").pid
    mesh.restart_app("pca")
    answer = mesh.call("classify", "pca", f"plot?{urlencode({'title': 'after'})}", points)
    assert answer.status == 200
    assert "after" in answer.text
    assert mesh.process("pca-daprd").pid == before
