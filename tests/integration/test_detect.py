"""Faces and previews through real sidecars."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from mesh import Mesh
from PIL import Image

from meshlens.command.subscriber import Subscriber


@pytest.fixture(scope="module")
def running(faces_mesh: Mesh) -> Mesh:
    return faces_mesh


@pytest.fixture(scope="module")
def events(running: Mesh) -> Iterator[Subscriber]:
    """Listens for all tests of this module."""
    with Subscriber(running.grpc_port("classify")) as subscriber:
        yield subscriber


@pytest.fixture(scope="module")
def solvay(shared: Path) -> bytes:
    return (shared / "images/solvay.jpg").read_bytes()


def test_thirty_faces_are_found_among_the_physicists_of_1927(
    running: Mesh, events: Subscriber, solvay: bytes
) -> None:
    answer = running.call("pca", "classify", "detect", solvay)
    assert answer.status == 200, answer.text
    answered = json.loads(answer.body)
    assert (answered["model"], answered["width"], answered["height"]) == ("faces", 960, 661)
    assert answered["count"] == len(answered["boxes"]) == 30
    scores = [box["score"] for box in answered["boxes"]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0.7
    for box in answered["boxes"]:
        assert box["label"] == "face"
        assert 0 <= box["x1"] < box["x2"] <= 960
        assert 0 <= box["y1"] < box["y2"] <= 661
    event = events.next(lambda event: event.data["method"] == "detect")
    assert (event.data["model"], event.data["version"]) == ("faces", "1")
    facts = {name: answered[name] for name in ("width", "height", "count", "boxes")}
    assert event.data["result"] == facts


def test_a_picture_that_lies_on_its_side_has_its_faces_where_a_viewer_sees_them(
    running: Mesh, solvay: bytes
) -> None:
    upright = Image.open(io.BytesIO(solvay))
    exif = Image.Exif()
    exif[0x112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    plain = json.loads(running.call("pca", "classify", "detect?top_k=5", solvay).body)
    turned = json.loads(running.call("pca", "classify", "detect?top_k=5", file.getvalue()).body)
    assert (turned["width"], turned["height"]) == (960, 661)
    for one, other in zip(plain["boxes"], turned["boxes"], strict=True):
        for side in ("x1", "y1", "x2", "y2"):
            assert one[side] == pytest.approx(other[side], abs=0.5)


def test_options_choose_among_the_faces(running: Mesh, solvay: bytes) -> None:
    def count(options: str) -> int:
        answer = running.call("pca", "classify", f"detect?model=faces&{options}", solvay)
        assert answer.status == 200, answer.text
        return int(json.loads(answer.body)["count"])

    assert count("top_k=3") == 3
    assert 0 < count("threshold=0.9999") < 30
    assert count("min_size=200&thresholds=0.6,0.7,0.7&factor=0.709") == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_faces_are_drawn_into_the_picture(running: Mesh, solvay: bytes, kind: str) -> None:
    accept = {"accept": f"image/{kind.lower()}"}
    answer = running.call("pca", "classify", "detect", solvay, headers=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == accept["accept"]
    drawn = Image.open(io.BytesIO(answer.body))
    assert (drawn.format, drawn.size) == (kind, (960, 661))
    original = np.asarray(Image.open(io.BytesIO(solvay)).convert("RGB")).astype(int)
    changed = np.abs(np.asarray(drawn.convert("RGB")).astype(int) - original).max(axis=2) > 100
    assert 0.005 < changed.mean() < 0.2


def test_faces_are_an_overlay(running: Mesh, solvay: bytes) -> None:
    accept = {"accept": "image/svg+xml"}
    answer = running.call("pca", "classify", "detect", solvay, headers=accept)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    root = ET.fromstring(answer.text)  # noqa: S314 - our own answer
    assert root.get("viewBox") == "0 0 960 661"
    assert len(root.findall(".//{http://www.w3.org/2000/svg}text")) == 30


def test_a_preview_shows_what_the_model_sees(running: Mesh, solvay: bytes) -> None:
    answer = running.call("pca", "classify", "preview?model=digits", solvay)
    assert answer.headers["Content-Type"] == "image/png"
    seen = Image.open(io.BytesIO(answer.body))
    assert (seen.mode, seen.size) == ("L", (32, 32))
    answer = running.call("pca", "classify", "preview?model=faces", solvay)
    assert Image.open(io.BytesIO(answer.body)).size == (960, 661)


def test_a_model_that_classifies_refuses_to_detect(running: Mesh, solvay: bytes) -> None:
    answer = running.call("pca", "classify", "detect?model=digits", solvay)
    assert answer.status == 400
    assert "whose task is detect" in answer.text


def test_pictures_of_a_form_are_answered_one_by_one(running: Mesh, solvay: bytes) -> None:
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="%s"\r\n\r\n%s\r\n' % part
        for part in ((b"solvay.jpg", solvay), (b"bad.jpg", solvay[:9000]))
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = running.call("pca", "classify", "detect", parts + b"--x--\r\n", headers=headers)
    assert answer.status == 200, answer.text
    good, bad = json.loads(answer.body)["answers"]
    assert (good["name"], good["count"]) == ("solvay.jpg", 30)
    assert (bad["name"], bad["error"]["code"]) == ("bad.jpg", "INVALID_ARGUMENT")
