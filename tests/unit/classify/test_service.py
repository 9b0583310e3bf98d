"""What callers get for what they send."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from unit.classify.pictures import png_header

from meshlens.classify import errors
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import (
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidOption,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
)
from meshlens.classify.formats.card import Task
from meshlens.classify.models import shipped_models
from meshlens.classify.service import STATUS, Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.storage.signatures import Provenance as Known
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.classification.verdicts import Level
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Provenance, Reply, Request

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
MODEL = shipped_models() / "digits/1/digits.tflite"
SEVEN = (SAMPLES / "digit-7.png").read_bytes()
SEARCH = "https://en.wikipedia.org/wiki/Special:Search?search="
DATA_URL = "data:image/png;base64," + base64.b64encode(SEVEN).decode()


@pytest.fixture(scope="module")
def folder(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, and one that cannot be loaded."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "digits").symlink_to(models / "digits")
    (folder / "broken.tflite").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Service:
    repository = Repository(folder, partial(open_engine, workers=2), default="digits")
    for servable in repository.servables():
        repository.load(servable.source.model)
    return Service(repository, max_pixels=1_000_000)


def ask(
    body: bytes = b"",
    content_type: str = "image/png",
    *,
    accept: str = "",
    parameters: Mapping[str, str] | None = None,
    **query: str,
) -> Request:
    return Request(
        method="classify",
        verb="POST",
        query=query,
        content_type=content_type,
        body=body,
        headers={"accept": accept} if accept else {},
        parameters=parameters or {},
    )


def classify(service: Service, request: Request) -> Reply:
    return service.answer(Task.CLASSIFY, request)


def answer(reply: Reply) -> Any:  # noqa: ANN401 - whatever JSON holds
    assert reply.content_type == "application/json"
    return json.loads(reply.body)


def lying_picture() -> bytes:
    """A picture that is not square, and that its EXIF turns by a quarter."""
    exif = Image.Exif()
    exif[0x112] = 6
    file = io.BytesIO()
    Image.new("L", (48, 32), 200).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_a_picture_is_named(service: Service) -> None:
    reply = classify(service, ask(SEVEN))
    said = answer(reply)
    assert list(said) == ["model", "version", "labels", "verdict"]
    assert (said["model"], said["version"]) == ("digits", "1")
    assert len(said["labels"]) == 5
    assert {key: said["labels"][0][key] for key in ("index", "label")} == {"index": 7, "label": "7"}
    assert said["labels"][0]["probability"] > 0.9
    assert said["verdict"] == {"level": "very high", "sentence": "It is very likely a 7."}


def test_the_answer_is_one_line_of_json_that_its_type_reads_back(service: Service) -> None:
    reply = classify(service, ask(SEVEN))
    assert reply.body == json.dumps(answer(reply), ensure_ascii=False).encode() + b"\n"
    read = ClassificationAnswer.model_validate_json(reply.body)
    assert read.to_fields() == reply.result
    assert (read.labels[0].label, read.verdict.level) == ("7", Level.VERY_HIGH)


def test_the_event_gets_the_facts_and_not_the_picture(service: Service) -> None:
    reply = classify(service, ask(SEVEN, accept="text/plain", top_k="1"))
    assert (reply.model, reply.version) == ("digits", "1")
    assert reply.result is not None
    assert list(reply.result) == ["labels", "verdict"]
    assert len(reply.result["labels"]) == 1
    json.dumps(reply.result)


@pytest.mark.parametrize("method", ["classify", "preview", "predict", "predict_tensors"])
def test_the_event_gets_which_bytes_have_answered(service: Service, method: str) -> None:
    described = answer(service.describe_model(ask(parameters={"name": "digits"})))
    (taken,) = described["signatures"]["serving_default"]["inputs"]
    tensors = {"inputs": {taken["name"]: [[[[0.0]] * 32] * 32]}}
    call = {
        "classify": lambda: classify(service, ask(SEVEN)),
        "preview": lambda: service.preview(ask(SEVEN)),
        "predict": lambda: service.predict(ask(SEVEN, parameters={"name": "digits"})),
        "predict_tensors": lambda: service.predict(predict(tensors)),
    }
    assert call[method]().provenance == Provenance(
        hashlib.sha256(MODEL.read_bytes()).hexdigest(), "unchecked"
    )


def test_the_event_of_a_signed_model_has_its_signer(folder: Path) -> None:
    known = Known("5" * 64)
    repository = Repository(
        folder,
        partial(open_engine, workers=1),
        default="digits",
        vouch=lambda source, _: (source, known),
    )
    repository.load("digits")
    reply = classify(Service(repository, max_pixels=1_000_000), ask(SEVEN))
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert reply.provenance == Provenance(digest, "verified", "5" * 64)


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "image/jpeg",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_bytes_are_a_picture_whatever_they_are_called(service: Service, content_type: str) -> None:
    assert answer(classify(service, ask(SEVEN, content_type)))["labels"][0]["label"] == "7"


@pytest.mark.parametrize(
    "image", [DATA_URL, DATA_URL.partition(",")[2], base64.encodebytes(SEVEN).decode()]
)
def test_json_carries_base64_or_a_data_url(service: Service, image: str) -> None:
    body = json.dumps({"image": image}).encode()
    assert answer(classify(service, ask(body, "application/json")))["labels"][0]["label"] == "7"


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("text/plain", "text/plain; charset=utf-8", b"It is very likely a 7.\n"),
        (
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
            f'<p>It is very likely a <a href="{SEARCH}7">7</a>.</p>\n'.encode(),
        ),
    ],
)
def test_the_answer_is_what_the_caller_accepts(
    service: Service, accept: str, content_type: str, body: bytes
) -> None:
    reply = classify(service, ask(SEVEN, accept=accept))
    assert (reply.content_type, reply.body) == (content_type, body)


@pytest.mark.parametrize(
    ("accept", "line"), [("text/plain", "{}\n"), ("text/html", "<p><small>{}</small></p>\n")]
)
def test_text_says_how_the_picture_was_read(service: Service, accept: str, line: str) -> None:
    read = (
        "The picture as it was read: turned upright; stretched to the shape that the model takes."
    )
    reply = classify(service, ask(lying_picture(), accept=accept))
    said = reply.body.decode()
    assert said.endswith(line.format(read))
    assert said.count("\n") == 2


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "image/webp"])
def test_a_caller_that_names_no_text_gets_json(service: Service, accept: str) -> None:
    answer(classify(service, ask(SEVEN, accept=accept)))


@pytest.mark.parametrize("model", ["digits", "digits@1", "digits@", "", "@1"])
def test_a_model_is_asked_by_name_and_version(service: Service, model: str) -> None:
    assert answer(classify(service, ask(SEVEN, model=model)))["model"] == "digits"


def test_as_many_labels_are_answered_as_are_asked_for(service: Service) -> None:
    assert len(answer(classify(service, ask(SEVEN, top_k="1")))["labels"]) == 1
    assert len(answer(classify(service, ask(SEVEN, top_k="99")))["labels"]) == 10


@pytest.mark.parametrize("model", ["no-such", "digits@2", "digits/1"])
def test_an_unknown_model_is_refused_by_the_names_of_the_known(
    service: Service, model: str
) -> None:
    with pytest.raises(ModelNotFound, match="digits") as fault:
        classify(service, ask(SEVEN, model=model))
    assert repr(model) in str(fault.value)


def test_a_failed_model_says_why(service: Service) -> None:
    with pytest.raises(ModelFailed, match=r"it is END: .*TFL3"):
        classify(service, ask(SEVEN, model="broken"))


def test_a_model_that_loads_says_so(folder: Path) -> None:
    repository = Repository(folder, partial(open_engine, workers=1), default="digits")
    with pytest.raises(ModelNotReady, match="START"):
        classify(Service(repository, max_pixels=1), ask(SEVEN))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"topk": "5"}, "topk"),
        ({"top_k": "0"}, "top_k"),
        ({"top_k": "-1"}, "top_k"),
        ({"top_k": "many"}, "'many'"),
        ({"top_k": ""}, "top_k"),
        ({"top_k": "9" * 5000}, "top_k"),
        ({"models": "digits"}, "models"),
    ],
)
def test_a_wrong_option_is_refused_with_the_known_ones(
    service: Service, query: dict[str, str], named: str
) -> None:
    request = replace(ask(SEVEN), query=query)
    with pytest.raises(InvalidOption, match="the options are: model, key, top_k") as fault:
        classify(service, request)
    assert named in str(fault.value)
    assert len(str(fault.value)) < 1000


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "JSON"),
        (b'"text"', "JSON"),
        (b'{"picture": ""}', "image"),
        (b'{"image": 5}', "image"),
        (b'{"image": "", "model": "x"}', "model"),
        (b'{"image": "%%%"}', "base64"),
        (b'{"image": "abc"}', "base64"),
        ('{"image": "ä"}'.encode(), "base64"),
        (b'{"image": "data:image/png,abc"}', "base64"),
        (b"\xff\xfe", "JSON"),
        (SEVEN, "image/"),
    ],
)
def test_json_without_a_picture_is_refused(service: Service, body: bytes, named: str) -> None:
    with pytest.raises(InvalidBody, match=named) as fault:
        classify(service, ask(body, "application/json"))
    assert len(str(fault.value)) < 1000


@pytest.mark.parametrize("image", ["", base64.b64encode(b"a text").decode()])
def test_base64_of_no_picture_is_refused(service: Service, image: str) -> None:
    with pytest.raises(InvalidImage):
        classify(service, ask(json.dumps({"image": image}).encode(), "application/json"))


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "multipart/mixed"])
def test_a_content_type_of_no_picture_is_refused(service: Service, content_type: str) -> None:
    with pytest.raises(InvalidBody, match=f"expected content type .* got '{content_type}'"):
        classify(service, ask(SEVEN, content_type))


def test_bad_pictures_are_refused_and_the_next_is_answered(service: Service) -> None:
    for body, fault in (
        (b"", InvalidImage),
        (b"text", InvalidImage),
        (SEVEN[:2000], InvalidImage),
        (png_header(50_000, 50_000), ImageTooLarge),
    ):
        with pytest.raises(fault):
            classify(service, ask(body))
        assert answer(classify(service, ask(SEVEN)))["labels"][0]["label"] == "7"


def test_callers_at_once_get_the_answers_of_callers_in_turn(service: Service) -> None:
    requests = [ask(path.read_bytes()) for path in sorted(SAMPLES.glob("*.png"))] * 4
    in_turn = [classify(service, request) for request in requests]
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(partial(classify, service), requests))
    assert at_once == in_turn
    assert [answer(reply)["labels"][0]["index"] for reply in in_turn] == list(range(10)) * 4


def test_models_are_listed_with_their_states(service: Service) -> None:
    broken, digits = answer(service.list_models(ask()))["models"]
    assert digits.pop("sha256") == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", digits.pop("content"))
    assert digits.pop("max_pixels") == 1_000_000
    (signature,) = digits.pop("signatures").values()
    assert signature["inputs"][0] | {"name": ""} == {
        "name": "",
        "shape": [1, 32, 32, 1],
        "type": "float32",
    }
    assert digits == {
        "model": "digits",
        "version": "1",
        "state": "AVAILABLE",
        "default": True,
        "task": "classify",
        "classes": 10,
        "subject": "digit",
        "input": {
            "width": 32,
            "height": 32,
            "channels": 1,
            "layout": "nhwc",
            "resize": "stretch",
            "resampling": "hamming",
            "numbers": "(pixel - 127.5) / 127.5",
            "assumed": "",
        },
        "output": {"name": "Identity", "type": "probabilities", "assumed": ""},
    }
    assert (broken["state"], broken["default"]) == ("END", False)
    assert "TFL3" in broken["error"]


def test_one_model_is_described(service: Service) -> None:
    card = answer(service.describe_model(ask(parameters={"name": "digits"})))
    assert card.pop("versions") == {"1": "AVAILABLE"}
    assert card in answer(service.list_models(ask()))["models"]
    for path in ({"name": "digits", "version": "1"}, {"name": "digits@1"}):
        assert answer(service.describe_model(ask(parameters=path))) == card
    with pytest.raises(ModelNotFound, match="no-such"):
        service.describe_model(ask(parameters={"name": "no-such"}))


def test_a_list_has_no_options(service: Service) -> None:
    with pytest.raises(InvalidOption, match=r"state.*; the options are: none"):
        service.list_models(ask(state="END"))


def test_every_error_that_a_caller_can_cause_has_its_status() -> None:
    assert {
        errors.InvalidImage: Status.INVALID_ARGUMENT,
        errors.InvalidBody: Status.INVALID_ARGUMENT,
        errors.InvalidOption: Status.INVALID_ARGUMENT,
        errors.ImageTooLarge: Status.RESOURCE_EXHAUSTED,
        errors.ModelNotFound: Status.NOT_FOUND,
        errors.InvalidTensor: Status.INVALID_ARGUMENT,
        errors.NotEnoughMemory: Status.RESOURCE_EXHAUSTED,
        errors.OutputTooLarge: Status.RESOURCE_EXHAUSTED,
        errors.WrongTask: Status.INVALID_ARGUMENT,
        errors.EngineGone: Status.UNAVAILABLE,
        errors.EngineCrashed: Status.INVALID_ARGUMENT,
        errors.ModelTooSlow: Status.DEADLINE_EXCEEDED,
        errors.RequestOver: Status.DEADLINE_EXCEEDED,
        errors.InvalidRollout: Status.INVALID_ARGUMENT,
        errors.RolloutsDamaged: Status.FAILED_PRECONDITION,
        errors.RolloutChanged: Status.ABORTED,
        errors.RolloutFixed: Status.FAILED_PRECONDITION,
        errors.ModelNotReady: Status.UNAVAILABLE,
        errors.ModelFailed: Status.FAILED_PRECONDITION,
        errors.InvalidModel: Status.FAILED_PRECONDITION,
    } == STATUS


def test_only_computing_waits_for_a_worker(service: Service) -> None:
    own = [route for route in service.routes() if not route.path.startswith(("v1/", "v2"))]
    assert {(route.path, route.verbs, route.lane) for route in own} == {
        ("classify", ("POST", "PUT"), Lane.WORK),
        ("detect", ("POST", "PUT"), Lane.WORK),
        ("preview", ("POST", "PUT"), Lane.WORK),
        ("models", ("GET",), Lane.LIGHT),
        ("models/<name>", ("GET",), Lane.LIGHT),
        ("models/<name>/predict", ("POST", "PUT"), Lane.WORK),
        ("models/<name>/rollout", ("GET", "POST", "PUT", "DELETE"), Lane.LIGHT),
        ("models/<name>/rollout/back", ("POST", "PUT"), Lane.ADMIN),
        ("models/<name>/shadow", ("GET", "DELETE"), Lane.LIGHT),
        ("models/<name>/versions/<version>", ("GET",), Lane.LIGHT),
        ("models/<name>/versions/<version>/load", ("POST", "PUT"), Lane.ADMIN),
        ("models/<name>/versions/<version>/unload", ("POST", "PUT"), Lane.ADMIN),
        ("models/<name>/versions/<version>/predict", ("POST", "PUT"), Lane.WORK),
        ("ui", ("GET",), Lane.LIGHT),
        ("ui/samples/<name>", ("GET",), Lane.LIGHT),
        ("home", ("GET",), Lane.LIGHT),
        ("openapi.json", ("GET",), Lane.LIGHT),
        ("asyncapi.json", ("GET",), Lane.LIGHT),
        ("mcp", ("POST",), Lane.RELAY),
        ("gateway", ("POST", "PUT"), Lane.RELAY),
    }


def test_only_administrators_change_a_rollout(service: Service) -> None:
    (route,) = (it for it in service.routes() if it.path == "models/<name>/rollout")
    lanes = {verb: route.lane_of(verb) for verb in route.verbs}
    assert lanes.pop("GET") is Lane.LIGHT
    assert set(lanes.values()) == {Lane.ADMIN}


def predict(body: object, **parameters: str) -> Request:
    path = {"name": "digits", **parameters}
    return ask(json.dumps(body).encode(), "application/json", parameters=path)


def test_tensors_are_computed_by_their_names(service: Service) -> None:
    card = answer(service.describe_model(ask(parameters={"name": "digits"})))
    name = card["signatures"]["serving_default"]["inputs"][0]["name"]
    zeros = [[[[0.0]] * 32] * 32]
    for path in ({}, {"version": "1"}, {"name": "digits@1"}):
        reply = service.predict(predict({"inputs": {name: zeros}}, **path))
        (output,) = answer(reply)["outputs"].values()
        assert sum(output[0]) == pytest.approx(1, abs=1e-5)
        assert reply.result is not None
        assert list(reply.result["shapes"].values()) == [[1, 10]]


@pytest.mark.parametrize("model", ["", "digits", "digits@1"])
@pytest.mark.parametrize("path", ["digits", "digits@1"])
def test_an_option_may_name_the_model_of_the_path_again(
    service: Service, path: str, model: str
) -> None:
    reply = service.predict(ask(SEVEN, parameters={"name": path}, model=model))
    assert (reply.model, reply.version) == ("digits", "1")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ({"name": "digits"}, "objects"),
        ({"name": "digits", "version": "1"}, "digits@2"),
        ({"name": "digits@canary"}, "@1"),
        ({"name": "digits@2", "version": "1"}, ""),
    ],
)
def test_a_request_that_names_two_models_or_versions_is_refused(
    service: Service, path: Mapping[str, str], model: str
) -> None:
    with pytest.raises(InvalidOption, match="expected the model digits, which the path names"):
        service.predict(ask(SEVEN, parameters=path, model=model))


@pytest.mark.parametrize(
    ("body", "fault", "named"),
    [
        ({}, InvalidBody, "inputs"),
        ({"inputs": {}, "x": 1}, InvalidBody, "x"),
        ({"inputs": {"nope": 1}}, errors.InvalidTensor, "nope"),
        ({"inputs": {}, "signature": "nope"}, InvalidOption, "serving_default"),
    ],
)
def test_wrong_tensors_are_refused(
    service: Service, body: object, fault: type[Exception], named: str
) -> None:
    with pytest.raises(fault, match=named):
        service.predict(predict(body))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (SEVEN, "image/png"),
        (SEVEN, "application/x-www-form-urlencoded"),
        (json.dumps({"image": DATA_URL}).encode(), "application/json"),
        (json.dumps({"image": DATA_URL}).encode(), ""),
    ],
)
def test_a_picture_becomes_tensors(service: Service, body: bytes, content_type: str) -> None:
    reply = service.predict(ask(body, content_type, parameters={"name": "digits"}))
    read = answer(reply)
    assert read["picture"] | {"input": ""} == {
        "input": "",
        "width": 32,
        "height": 32,
        "channels": 1,
    }
    (output,) = read["outputs"].values()
    assert max(range(10), key=output[0].__getitem__) == 7
    assert reply.result == {"shapes": {name: [1, 10] for name in read["outputs"]}}


def test_a_function_is_named_in_the_query_or_in_the_body(service: Service) -> None:
    known = ask(SEVEN, parameters={"name": "digits"}, signature="serving_default")
    assert answer(service.predict(known))["picture"]["width"] == 32
    for body in (SEVEN, b'{"inputs": {}}'):
        unknown = ask(body, parameters={"name": "digits"}, signature="nope")
        with pytest.raises(
            InvalidOption, match="one of the signatures serving_default, got 'nope'"
        ):
            service.predict(unknown)


@pytest.mark.parametrize(
    ("body", "content_type", "fault"),
    [
        (b"", "", InvalidBody),
        (b"[]", "application/json", InvalidBody),
        (b" {", "text/plain", InvalidBody),
        (b"no picture", "", InvalidImage),
        (b"no picture", "text/plain", InvalidBody),
    ],
)
def test_what_is_neither_tensors_nor_a_picture_is_refused(
    service: Service, body: bytes, content_type: str, fault: type[Exception]
) -> None:
    with pytest.raises(fault, match="picture"):
        service.predict(ask(body, content_type, parameters={"name": "digits"}))


def test_a_version_is_unloaded_and_loaded(models: Path) -> None:
    repository = Repository(models, partial(open_engine, workers=1), default="digits")
    service, path = Service(repository, max_pixels=1_000_000), {"name": "digits", "version": "1"}
    assert answer(service.load(ask(parameters=path)))["state"] == "AVAILABLE"
    assert answer(classify(service, ask(SEVEN)))["version"] == "1"
    assert answer(service.unload(ask(parameters=path)))["state"] == "END"
    with pytest.raises(ModelFailed, match="it is END: it was unloaded"):
        classify(service, ask(SEVEN))
    assert answer(service.load(ask(parameters=path)))["state"] == "AVAILABLE"
    assert answer(classify(service, ask(SEVEN)))["labels"][0]["label"] == "7"
    with pytest.raises(ModelNotFound, match="digits@7"):
        service.load(ask(parameters={"name": "digits", "version": "7"}))
