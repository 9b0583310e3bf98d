"""The few kinds of marks that a picture is made of, as elements of svgwrite.

svgwrite's own elements check and convert every argument, which takes longer than all the rest of a
small picture. These say what they are at once; a drawing takes them as it takes its own.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
from svgwrite.base import BaseElement

Array: TypeAlias = npt.NDArray[np.float64]

# Stands for the text of a bulk while a drawing is written; no XML may contain it otherwise.
BULK = "\ufffe"

_HEAD_LENGTH, _HEAD_WIDTH = 10.0, 9.0
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Mark(BaseElement):  # type: ignore[misc]  # svgwrite has no types
    """One element of a picture.

    Args:
        name: of the element.
        attributes: as they are written; those that are empty are left out.
        content: the text in it, nothing but what XML can carry.
        marks: the elements in it, behind the text.
        title: words that show when a pointer rests on it.
    """

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, str],
        *,
        content: str = "",
        marks: Iterable["Mark"] = (),
        title: str = "",
    ) -> None:
        self.elementname = name
        self.attribs = {key: value for key, value in attributes.items() if value}
        titles = (Mark("title", {}, content=clean(title)),) if title else ()
        self.elements = [*titles, *marks]
        self._content = content

    def get_xml(self) -> ET.Element:
        """Return the element with all that is in it."""
        xml = ET.Element(self.elementname, self.attribs)
        xml.text = self._content
        xml.extend([mark.get_xml() for mark in self.elements])
        return xml


class Bulk(Mark):
    """A group of so many marks of one form that they are written as text at once.

    Args:
        class_: of the group.
        text: the marks as XML.
    """

    def __init__(self, class_: str, text: str) -> None:
        super().__init__("g", {"class": class_})
        self._content = BULK
        self.text = text


def text(content: str, x: float, y: float, class_: str = "", *, turned: bool = False) -> Mark:
    """Return a line of text; turned, it reads upwards."""
    turn = f"rotate(-90 {x:.1f} {y:.1f})" if turned else ""
    attributes = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": class_, "transform": turn}
    return Mark("text", attributes, content=clean(content))


def rect(
    x: float, y: float, width: float, height: float, class_: str, *, round_: float = 0.0
) -> Mark:
    """Return a rectangle."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return Mark("rect", {**place, "rx": f"{round_:g}" if round_ else "", "class": class_})


def circle(x: float, y: float, radius: float, class_: str) -> Mark:
    """Return a circle."""
    place = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}"}
    return Mark("circle", {**place, "class": class_})


def path(shape: str, class_: str, *, title: str = "", width: float = 0.0) -> Mark:
    """Return a path, with words that show when a pointer rests on it."""
    stroke = f"{width:.1f}" if width else ""
    return Mark("path", {"class": class_, "stroke-width": stroke, "d": shape}, title=title)


def group(class_: str, marks: Iterable[Mark], *, title: str = "", transform: str = "") -> Mark:
    """Return marks that share a class."""
    return Mark("g", {"class": class_, "transform": transform}, marks=marks, title=title)


def arrow(tail: Array, tip: Array, class_: str, *, title: str = "") -> Mark:
    """Return a line with a head, over a halo; an empty group if it has no length."""
    (x, y), (to_x, to_y) = tail.tolist(), tip.tolist()
    length = float(np.hypot(to_x - x, to_y - y))
    if length < 1.0:
        return group(class_, ())
    head = min(_HEAD_LENGTH, length)
    along_x, along_y = (to_x - x) / length * head, (to_y - y) / length * head
    across_x, across_y = (part * _HEAD_WIDTH / _HEAD_LENGTH / 2 for part in (-along_y, along_x))
    base_x, base_y = to_x - along_x, to_y - along_y
    shape = (
        f"M{x:.1f} {y:.1f}L{to_x - along_x / 2:.1f} {to_y - along_y / 2:.1f}"
        f"M{to_x:.1f} {to_y:.1f}L{base_x + across_x:.1f} {base_y + across_y:.1f}"
        f"L{base_x - across_x:.1f} {base_y - across_y:.1f}Z"
    )
    return group(class_, (path(shape, "halo"), path(shape, "line")), title=title)


def clean(content: str) -> str:
    """Return the content with a replacement character for what XML cannot carry."""
    if content.isprintable():
        return content
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", content)


def escape(content: str) -> str:
    """Return the content as XML text, for marks that are written as text."""
    return clean(content).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
