"""What callers of `detect` and `preview` get for what they send."""

import base64
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model
from unit.classify.pictures import blocks, encode

from meshlens.classify.errors import (
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidOption,
    ModelNotFound,
    WrongTask,
)
from meshlens.classify.formats.card import Kind
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.messages import Reply, Request

CARD = """
model: {path: shapes.tflite}
task: detect
subject: shape
output: {label: {path: shapes.txt}}
detection:
  columns: [x1, y1, x2, y2, score, class]
  units: fractions
  threshold: 0.25
  overlap: 0.5
"""
# x1, y1, x2, y2, score, class; the second is the first once more, the last below the threshold.
ROWS = [
    [0.0, 0.0, 0.5, 0.5, 0.75, 0],
    [0.0, 0.0, 0.5, 0.4, 0.5, 0],
    [0.5, 0.25, 1.0, 1.0, 0.875, 1],
    [0.9, 0.9, 1.0, 1.0, 0.125, 1],
]
PICTURE = encode(blocks(240, 160))
LIMIT = 100_000


NAMER = build_model(None) + b"namer"


def open_fake(_: Kind, data: bytes, *__: object) -> FakeEngine:
    output = [[0.25, 0.75]] if data == NAMER else [ROWS]
    return FakeEngine(np.array(output, np.float32), input_shape=(1, 32, 48, 3))


def serve(folder: Path, *detectors: str) -> Service:
    (folder / "shapes.tflite").write_bytes(build_model(None))
    (folder / "shapes.txt").write_text("square\nline\n")
    for name in detectors:
        (folder / f"{name}.yaml").write_text(CARD)
    (folder / "namer.tflite").write_bytes(NAMER)
    repository = Repository(folder, open_fake, default="namer")
    for servable in repository.servables():
        repository.load(servable.source.model)
    return Service(repository, max_pixels=LIMIT)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return serve(tmp_path_factory.mktemp("models"), "shapes")


def call(
    service: Service,
    method: str = "detect",
    body: bytes = PICTURE,
    content_type: str = "image/png",
    *,
    accept: str = "",
    name: str = "",
    query: dict[str, str] | None = None,
) -> Reply:
    (route,) = [route for route in service.routes() if route.path == method]
    return route.endpoint(
        Request(
            method=method,
            verb="POST",
            query=query or {},
            content_type=content_type,
            body=body,
            headers={"accept": accept} if accept else {},
            parameters={"name": name},
        )
    )


def ask(service: Service, **query: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(call(service, query=query).body)


def test_boxes_are_in_the_pixels_of_the_picture(service: Service) -> None:
    assert ask(service) == {
        "model": "shapes",
        "version": "1",
        "width": 240,
        "height": 160,
        "count": 2,
        "boxes": [
            {"label": "line", "score": 0.875, "x1": 120, "y1": 40, "x2": 240, "y2": 160},
            {"label": "square", "score": 0.75, "x1": 0, "y1": 0, "x2": 120, "y2": 80},
        ],
    }


def test_the_event_gets_the_boxes_and_not_the_picture(service: Service) -> None:
    reply = call(service, accept="image/png")
    assert (reply.model, reply.version) == ("shapes", "1")
    told = ask(service)
    assert reply.result == {name: told[name] for name in ("width", "height", "count", "boxes")}


def test_options_choose_among_the_boxes(service: Service) -> None:
    assert ask(service, top_k="1")["count"] == 1
    assert ask(service, threshold="0")["count"] == 3
    assert ask(service, threshold="0.8", model="shapes@1")["count"] == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"top_k": "0"}, "top_k"),
        ({"threshold": "1.5"}, "threshold"),
        ({"thresholds": "0.5"}, "thresholds"),
        ({"min_size": "20"}, "min_size must be an input of the model, it has none"),
        ({"sharpness": "1"}, "sharpness"),
    ],
)
def test_an_option_that_is_none_is_refused(
    service: Service, query: dict[str, str], named: str
) -> None:
    with pytest.raises(InvalidOption, match=named):
        call(service, query=query)


def test_boxes_are_drawn_or_laid_over(service: Service) -> None:
    svg = ET.fromstring(call(service, accept="image/svg+xml").body)  # noqa: S314 - our own answer
    assert svg.get("viewBox") == "0 0 240 160"
    for kind in ("PNG", "JPEG"):
        drawn = Image.open(io.BytesIO(call(service, accept=f"image/{kind.lower()}").body))
        assert (drawn.format, drawn.size) == (kind, (240, 160))


def test_a_bad_picture_of_several_fails_alone(service: Service) -> None:
    images = [base64.b64encode(data).decode() for data in (PICTURE, b"no picture")]
    body = json.dumps({"images": images}).encode()
    good, bad = json.loads(call(service, "detect", body, "application/json").body)["answers"]
    assert good["count"] == 2
    assert bad["error"]["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["detect", "preview"])
@pytest.mark.parametrize(
    ("body", "content_type", "fault"),
    [
        (b"", "image/png", InvalidImage),
        (b"no picture", "", InvalidImage),
        (PICTURE, "text/plain", InvalidBody),
        (encode(Image.new("L", (400, 300))), "image/png", ImageTooLarge),
    ],
)
def test_what_is_no_picture_is_refused(
    service: Service, method: str, body: bytes, content_type: str, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        call(service, method, body, content_type, query={"model": "shapes"})


def test_a_detector_is_found_where_there_is_one_alone(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidOption, match="task detect: none; name one"):
        ask(serve(tmp_path / "none"))
    (tmp_path / "two").mkdir()
    with pytest.raises(InvalidOption, match="task detect: a, b; name one"):
        ask(serve(tmp_path / "two", "a", "b"))


def test_a_model_for_another_task_is_refused_by_what_to_do(service: Service) -> None:
    with pytest.raises(WrongTask, match="got namer; name one whose task is detect"):
        ask(service, model="namer")
    with pytest.raises(WrongTask, match="got shapes, which detects; ask detect"):
        call(service, "classify", query={"model": "shapes"})
    with pytest.raises(ModelNotFound, match="'cats'"):
        ask(service, model="cats")


@pytest.mark.parametrize("model", ["shapes", "namer"])
def test_a_preview_is_what_the_model_sees(service: Service, model: str) -> None:
    reply = call(service, "preview", query={"model": model})
    assert Image.open(io.BytesIO(reply.body)).size == (48, 32)
    assert reply.result == {"width": 48, "height": 32, "channels": 3}


def test_a_detector_says_how_it_looks_at_pictures(service: Service) -> None:
    told = json.loads(call(service, "models/<name>", name="shapes").body)
    assert told["task"] == "detect"
    facts = ("subject", "input", "threshold", "overlap", "constants")
    assert {name: told[name] for name in facts} == {
        "subject": "shape",
        "input": {"width": 48, "height": 32, "channels": 3, "fixed": True, "assumed": ""},
        "threshold": 0.25,
        "overlap": 0.5,
        "constants": {},
    }
