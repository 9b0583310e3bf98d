"""Marks are XML, whatever they are given."""

from xml.etree import ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshlens.pca.drawing.svg.marks import arrow, clean, ellipse, escape, group, path, text


@given(st.text(max_size=40))
def test_words_are_read_as_they_are_written(content: str) -> None:
    (word,) = ET.fromstring(group("", (text(content, 1, 2),)))  # noqa: S314 - our own output
    # A parser reads every end of line as one character.
    expected = clean(content).replace("\r\n", "\n").replace("\r", "\n")
    assert (word.text or "") == expected


def test_what_xml_cannot_carry_is_replaced() -> None:
    assert escape("a\0b\x1b<\ufffe&>") == "a\ufffdb\ufffd&lt;\ufffd&amp;&gt;"


def test_attributes_that_say_nothing_are_left_out() -> None:
    assert path("M0 0h1", "line") == '<path class="line" d="M0 0h1"/>'
    assert group("", ()) == "<g/>"


def test_an_arrow_without_length_is_an_empty_group() -> None:
    assert arrow(np.zeros(2), np.full(2, 0.1), "axis") == '<g class="axis"/>'


def test_the_axes_of_an_ellipse_are_the_eigenvectors_of_its_matrix() -> None:
    turned = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    matrix = turned @ np.diag([40.0**2, 10.0**2]) @ turned.T
    mark = ET.fromstring(ellipse(np.array([5.0, 6.0]), matrix, "guide"))  # noqa: S314 - our own
    assert (mark.attrib["rx"], mark.attrib["ry"]) == ("40.0", "10.0")
    assert mark.attrib["transform"] == "rotate(17.19 5.0 6.0)"
