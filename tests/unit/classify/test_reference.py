"""What the methods answer is what the reference says."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from reference import Documented
from unit.classify.chains import add_chain
from unit.classify.models import build_model
from unit.classify.state_store import Store
from unit.classify.test_detect import CARD, NAMER, PICTURE, open_fake

from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidOption
from meshlens.classify.formats.card import Kind
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import RolloutCalls
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
SEVEN = (SAMPLES / "digit-7.png").read_bytes()
PNG, JSON = "image/png", "application/json"
FORM = "multipart/form-data; boundary=between"
_PART = (
    b'--between\r\nContent-Disposition: form-data; name="image"; filename="%d.png"\r\n\r\n%s\r\n'
)
_FIELD = b'--between\r\nContent-Disposition: form-data; name="who"\r\n\r\nme\r\n'
PICTURES = _PART % (7, SEVEN) + _FIELD + _PART % (8, b"no picture") + b"--between--\r\n"
# Pages, files and other servers' protocols: they ignore what is in a query; daprkit's tests are
# about events and gateway.
OPEN = (
    "openapi.json",
    "asyncapi.json",
    "ui",
    "ui/samples/{name}",
    "home",
    "events",
    "mcp",
    "gateway",
)
# Whose answers the tests of meshlens.protocols hold against the reference; it ignores queries.
SERVING = "v1/"
OF_PROTOCOLS = ("v2", SERVING)
TENSORS = "model: {path: numbers.tflite}\ntask: tensor\n"


def open_any(kind: Kind, data: bytes, *rest: Any) -> Engine:  # noqa: ANN401 - as open_engine has them
    if data in (NAMER, build_model(None)):
        return open_fake(kind, data)
    return open_engine(kind, data, *rest, workers=1)


@pytest.fixture(scope="module")
def classify(models: Path, digits: bytes, tmp_path_factory: pytest.TempPathFactory) -> Documented:
    """Models of each task, and one that cannot be loaded."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "digits").symlink_to(models / "digits")
    (folder / "broken.tflite").write_text("no model")
    (folder / "shapes.tflite").write_bytes(build_model(None))
    (folder / "shapes.txt").write_text("square\nline\n")
    (folder / "shapes.yaml").write_text(CARD)
    add_chain(folder, "both", "detect: shapes, classify: digits, limit: 1")
    add_chain(folder, "astray", "detect: shapes, classify: gone")
    (folder / "numbers.tflite").write_bytes(digits)
    (folder / "numbers.yaml").write_text(TENSORS)
    repository = Repository(folder, open_any, default="digits")
    for servable in repository.servables():
        repository.load(servable.source.model)
    board = Board(repository.roll_out, store=Store())
    rollouts = RolloutCalls(board, repository)
    return Documented(Service(repository, max_pixels=1_000_000, rollouts=rollouts).routes())


def encode_images(*pictures: bytes) -> bytes:
    return json.dumps({"images": [base64.b64encode(each).decode() for each in pictures]}).encode()


def test_answers_of_each_method_are_as_described(classify: Documented) -> None:
    classify.call("POST", "classify", SEVEN, PNG)
    classify.call("POST", "detect", PICTURE, PNG)
    classify.call("POST", "preview", SEVEN, PNG)
    classify.call("GET", "models")
    for name in ("digits", "shapes", "numbers", "broken", "both", "astray"):
        classify.call("GET", f"models/{name}")
    classify.call("GET", "models/digits/versions/1")
    for path in ("models/digits/predict", "models/digits/versions/1/predict"):
        classify.call("POST", path, SEVEN, PNG)
    for action in ("unload", "load"):
        classify.call("POST", f"models/digits/versions/1/{action}")
    classify.call("POST", "models/digits/rollout", b'{"weights": {"1": 100}}')
    classify.call("GET", "models/digits/rollout")
    shown = json.loads(classify.call("GET", "models/digits").body)["rollout"]
    assert json.loads(classify.call("GET", "models").body)["rollouts"] == {"digits": shown}
    classify.call("POST", "models/digits/rollout/back")
    classify.call("DELETE", "models/digits/rollout")
    classify.call("GET", "models/digits/shadow")
    classify.call("DELETE", "models/digits/shadow")
    call_inference(classify)
    classify.call("GET", "ui")
    classify.call("GET", "ui/samples/digit-7.png")
    classify.call("GET", "openapi.json")
    classify.call("GET", "asyncapi.json")
    classify.call("GET", "home")
    classify.call("GET", "events")
    classify.call("POST", "mcp", b"{}", "application/json")
    event = {"Action": "Invoke", "body": json.dumps({"method": "GET", "path": "/models"})}
    assert classify.call("POST", "gateway", json.dumps(event).encode()).body
    assert classify.called == {
        f"{verb} {path}" for verb, path, _ in classify.operations() if not path.startswith(SERVING)
    }


def call_inference(classify: Documented) -> None:
    """Call each path of the Open Inference Protocol."""
    for path in ("v2", "v2/health/live", "v2/health/ready", "v2/models", "v2/models/stats"):
        classify.call("GET", path)
    picture = {
        "name": "picture",
        "datatype": "BYTES",
        "shape": [1],
        "data": [base64.b64encode(SEVEN).decode()],
        "parameters": {"content_type": "base64"},
    }
    for path in ("v2/models/digits", "v2/models/digits/versions/1"):
        for what in ("", "/ready", "/config", "/stats"):
            classify.call("GET", path + what)
        body = {"id": "7", "inputs": [picture], "parameters": {"binary_data_output": False}}
        classify.call("POST", f"{path}/infer", json.dumps(body).encode())
        classify.check(body, classify.document["components"]["schemas"]["Inference"])
    classify.call("POST", "v2/repository/index", b'{"ready": true}')
    for action in ("unload", "load"):
        classify.call("POST", f"v2/repository/models/digits/{action}")


def test_answers_for_several_pictures_are_as_described(classify: Documented) -> None:
    form = classify.call("POST", "classify", PICTURES, FORM)
    answer = json.loads(form.body)
    assert (answer["count"], answer["failed"]) == (2, 1)
    assert answer["ignored_fields"] == ["who"]
    assert form.result is not None
    assert "ignored_fields" not in form.result, "events quote nothing of the request"
    classify.call("POST", "classify", encode_images(SEVEN, b"none"), JSON)
    classify.call("POST", "detect", encode_images(PICTURE, b"none"), JSON)


@pytest.mark.parametrize(
    ("method", "accept"),
    [
        ("classify", "text/plain"),
        ("classify", "text/html"),
        ("detect", "image/jpeg"),
        ("detect", "image/png"),
        ("detect", "image/svg+xml"),
    ],
)
def test_each_media_type_that_is_described_is_answered(
    classify: Documented, method: str, accept: str
) -> None:
    classify.call("POST", method, PICTURE, PNG, accept=accept)


def test_answers_of_a_chain_are_as_described(classify: Documented) -> None:
    said = json.loads(classify.call("POST", "detect", PICTURE, PNG, model="both").body)
    assert said["left_out"] == 1
    assert len(said["boxes"][0]["answers"]) == 1
    classify.call("POST", "detect", PICTURE, PNG, model="both", accept="image/png")
    classify.call("POST", "detect", encode_images(PICTURE, b"none"), JSON, model="both")


def test_bodies_in_json_are_as_described(classify: Documented) -> None:
    inputs = json.loads(classify.call("GET", "models/digits").body)["signatures"]
    ((signature, described),) = inputs.items()
    ((name, shape),) = [(each["name"], each["shape"]) for each in described["inputs"]]
    zeros: Any = 0
    for size in reversed(shape):
        zeros = [zeros] * size
    bodies: dict[str, Any] = {
        "classify": {"image": base64.b64encode(SEVEN).decode()},
        "models/digits/predict": {"signature": signature, "inputs": {name: zeros}},
    }
    for path, body in bodies.items():
        classify.call("POST", path, json.dumps(body).encode(), JSON)
        template = path.replace("digits", "{name}")
        (operation,) = (each for _, found, each in classify.operations() if found == template)
        classify.check(body, operation["requestBody"]["content"][JSON]["schema"])


def test_the_options_of_each_method_are_those_it_reads(classify: Documented) -> None:
    for verb, path, operation in classify.operations():
        if path in OPEN or path.startswith(OF_PROTOCOLS):
            continue
        described = {
            parameter["name"]
            for parameter in operation["parameters"]
            if parameter.get("in") == "query"
        }
        called = path.replace("{name}", "digits").replace("{version}", "1")
        with pytest.raises(InvalidOption) as refusal:
            classify.call(verb, called, SEVEN, PNG, **{"no-such": "1"})
        known = refusal.value.remedy.rpartition(": ")[2]
        assert described == {*known.split(", ")} - {"none"}
