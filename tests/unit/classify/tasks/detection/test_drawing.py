"""Boxes as something to look at: drawn, or laid over."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.drawing import draw_boxes, overlay_boxes
from meshlens.classify.tasks.images.pixels import Image


def test_labels_in_an_overlay_are_text_and_never_markup() -> None:
    label = "<script>alert('&')</script>\x00\x1b"
    svg = overlay_boxes([Box(label, 0.5, 1, 2, 30, 40)], 60, 50)
    root = ET.fromstring(svg)  # noqa: S314 - our own answer
    (text,) = root.findall(".//{http://www.w3.org/2000/svg}text")
    assert text.text == "<script>alert('&')</script> 0.50"
    assert "<script" not in svg


@pytest.mark.parametrize("label", ["face", "Ä", "顔", ""])
@pytest.mark.parametrize("size", [(1, 1), (60, 40), (3000, 100)])
def test_boxes_anywhere_are_drawn_and_the_pixels_given_stay(
    label: str, size: tuple[int, int]
) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    boxes = [Box(label, 1, 0, 0, 0, 0), Box(label, 1, 0, 0, size[0], size[1])]
    for kind in ("image/jpeg", "image/png"):
        assert draw_boxes(Image(pixels, *size), boxes, kind=kind)
    assert not pixels.any()


def test_a_box_whose_sides_are_the_wrong_way_is_drawn_as_the_others() -> None:
    turned, upright = [Box("face", 1, 50, 30, 20, 10)], [Box("face", 1, 20, 10, 50, 30)]
    image = Image(np.zeros((40, 60, 3), np.uint8), 60, 40)
    assert draw_boxes(image, turned, kind="image/png") == draw_boxes(
        image, upright, kind="image/png"
    )
    assert overlay_boxes(turned, 60, 40) == overlay_boxes(upright, 60, 40)
