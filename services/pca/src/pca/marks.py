"""The few kinds of marks that a plot is made of, as svgwrite elements."""

import re
from typing import TypeAlias
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
from svgwrite import Drawing
from svgwrite.container import Group
from svgwrite.path import Path
from svgwrite.text import Text

Array: TypeAlias = npt.NDArray[np.float64]

_HEAD_LENGTH, _HEAD_WIDTH = 10.0, 9.0
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Circles(Group):  # type: ignore[misc]  # svgwrite has no types
    """One circle for each centre.

    An svgwrite element for each would take longer than all the rest of the picture.
    """

    def __init__(self, drawing: Drawing, centres: Array, radius: float, class_: str) -> None:
        super().__init__(class_=class_, factory=drawing)
        self._centres = centres
        self._radius = radius

    def get_xml(self) -> ET.Element:
        """Return the group with its circles."""
        xml: ET.Element = super().get_xml()
        radius = f"{self._radius:.1f}"
        for x, y in self._centres.tolist():
            ET.SubElement(xml, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius)
        return xml


def arrow(drawing: Drawing, tail: Array, tip: Array, class_: str) -> Group:
    """Return a line with a head, over a halo; nothing but the group if it has no length."""
    group = Group(class_=class_, factory=drawing)
    span = tip - tail
    length = float(np.hypot(*span))
    if length < 1.0:
        return group
    along = span / length * min(_HEAD_LENGTH, length)
    across = np.array([-along[1], along[0]]) * (_HEAD_WIDTH / _HEAD_LENGTH / 2)
    line = _polyline(tail, tip - along / 2)
    head = _polyline(tip, tip - along + across, tip - along - across)
    shape = f"{line}{head}Z"
    group.add(Path(shape, class_="halo", factory=drawing))
    group.add(Path(shape, class_="line", factory=drawing))
    return group


def text(
    drawing: Drawing, content: str, x: float, y: float, class_: str, *, transform: str | None = None
) -> Text:
    """Return a line of text."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": class_, "transform": transform}
    element = Text(clean(content), factory=drawing)
    element.attribs.update(place)
    return element


def clean(content: str) -> str:
    """Replace the characters that XML cannot carry, escaped or not."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", content)


def _polyline(*corners: Array) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)
