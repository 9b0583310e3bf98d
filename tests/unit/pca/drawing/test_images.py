"""A picture is also PNG and PDF, where what converts it is installed."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from unit.pca.calls import ask

from meshlens.daprkit.messages import Reply
from meshlens.pca import cli
from meshlens.pca.drawing.images import encode_picture
from meshlens.pca.errors import NotOffered
from meshlens.pca.service import Service

SQUARE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><path d="M0 0h40v30z"/></svg>'
)


def plot(service: Service, accept: str) -> Reply:
    return service.plot(replace(ask(width="400", height="320"), headers={"accept": accept}))


@pytest.mark.parametrize(
    ("accept", "content_type", "start"),
    [
        ("", "image/svg+xml", b"<svg "),
        ("*/*", "image/svg+xml", b"<svg "),
        ("image/*", "image/svg+xml", b"<svg "),
        ("text/html, image/png;q=0.9, */*;q=0.1", "image/png", b"\x89PNG"),
        ("application/pdf", "application/pdf", b"%PDF-"),
    ],
)
def test_a_picture_has_the_type_that_accept_prefers(
    service: Service, accept: str, content_type: str, start: bytes
) -> None:
    reply = plot(service, accept)
    assert reply.content_type == content_type
    assert reply.body.startswith(start)
    assert reply.result is not None


@pytest.mark.parametrize("accept", ["image/webp", "text/csv, application/json", "image/png;q=0"])
def test_what_is_not_offered_is_refused_with_what_is(service: Service, accept: str) -> None:
    with pytest.raises(NotOffered) as caught:
        plot(service, accept)
    assert "image/svg+xml, image/png, application/pdf" in str(caught.value)
    assert accept in str(caught.value)


def test_a_png_has_twice_the_pixels_while_they_are_few() -> None:
    size = Image.open(io.BytesIO(encode_picture(SQUARE, "image/png", width=40, height=30))).size
    assert size == (80, 60)


@pytest.mark.slow
def test_a_large_png_stays_within_its_bound() -> None:
    svg = SQUARE.replace(b'"40"', b'"4000"').replace(b'"30"', b'"4000"')
    image = Image.open(io.BytesIO(encode_picture(svg, "image/png", width=4000, height=4000)))
    assert 4000 <= image.width <= 4500


def test_without_a_converter_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    assert encode_picture(SQUARE, "image/svg+xml", width=40, height=30) == SQUARE
    with pytest.raises(NotOffered, match=r"meshlens-pca\[images\]"):
        encode_picture(SQUARE, "image/png", width=40, height=30)


@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", b"<svg "), ("b.PNG", b"\x89PNG"), ("c.pdf", b"%PDF")]
)
def test_the_command_writes_the_type_that_a_name_ends_in(
    tmp_path: Path, name: str, start: bytes
) -> None:
    table, target = tmp_path / "points.csv", tmp_path / name
    table.write_bytes(b"2,1\n3,1.5\n4,3\n")
    assert cli.main([str(table), "-o", str(target)]) == 0
    assert target.read_bytes().startswith(start)


def test_the_command_refuses_other_endings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / "points.csv"), "-o", "plot.gif"]) == 2
    assert "files that end in .svg, .png, .pdf, got plot.gif" in capsys.readouterr().err
