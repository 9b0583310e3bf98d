"""The few kinds of marks that a picture is made of, each as its own SVG text.

svgwrite's elements check and convert every argument, which takes longer than all the rest of a
small picture; so it writes the root of the document only.
"""

import math
import re
from collections.abc import Iterable
from typing import NewType, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

Mark = NewType("Mark", str)  # one or more elements, written

_HEAD_LENGTH, _HEAD_WIDTH = 10.0, 9.0
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, attributes: str = "", content: str = "", *, title: str = "") -> Mark:
    """Return one element.

    Args:
        name: of the element.
        attributes: as they are written, a space before each.
        content: what is in it, as XML.
        title: words that show when a pointer rests on it.
    """
    if title:
        content = f"<title>{escape(title)}</title>{content}"
    return Mark(f"<{name}{attributes}>{content}</{name}>" if content else f"<{name}{attributes}/>")


def text(content: str, x: float, y: float, class_: str = "", *, turned: bool = False) -> Mark:
    """Return a line of text; turned, it reads upwards."""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return element("text", f' x="{x:.1f}" y="{y:.1f}"{_name(class_)}{turn}', escape(content))


def rect(
    x: float, y: float, width: float, height: float, class_: str, *, round_: float = 0.0
) -> Mark:
    """Return a rectangle."""
    corners = f' rx="{round_:g}"' if round_ else ""
    size = f' width="{width:.1f}" height="{height:.1f}"'
    return element("rect", f' x="{x:.1f}" y="{y:.1f}"{size}{corners}{_name(class_)}')


def circle(x: float, y: float, radius: float, class_: str) -> Mark:
    """Return a circle."""
    return element("circle", f' cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"{_name(class_)}')


def ellipse(centre: Array, matrix: Array, class_: str) -> Mark:
    """Return the ellipse of all x with (x - centre)' matrix^-1 (x - centre) = 1.

    Args:
        centre: (2,), pixels.
        matrix: (2, 2), positive definite; its eigenvectors are the axes of the ellipse.
        class_: of the mark.
    """
    x, y = centre.tolist()
    (a, b), (_, c) = matrix.tolist()
    middle, half = (a + c) / 2, math.hypot((a - c) / 2, b)
    turn = math.degrees(math.atan2(2 * b, a - c) / 2)
    long, short = math.sqrt(middle + half), math.sqrt(max(0.0, middle - half))
    place = f' cx="{x:.1f}" cy="{y:.1f}" rx="{long:.1f}" ry="{short:.1f}"'
    turned = f' transform="rotate({turn:.2f} {x:.1f} {y:.1f})"'
    return element("ellipse", place + turned + _name(class_))


def path(shape: str, class_: str, *, title: str = "", width: float = 0.0) -> Mark:
    """Return a path, with words that show when a pointer rests on it."""
    stroke = f' stroke-width="{width:.1f}"' if width else ""
    line = f' d="{shape}"' if shape else ""
    return element("path", f"{_name(class_)}{stroke}{line}", title=title)


def group(class_: str, marks: Iterable[str], *, title: str = "", transform: str = "") -> Mark:
    """Return marks that share a class."""
    move = f' transform="{transform}"' if transform else ""
    return element("g", _name(class_) + move, "".join(marks), title=title)


def under(marks: Iterable[str]) -> Mark:
    """Return copies of words, to be seen as a halo below them and read by nobody.

    They are marks of their own, because many programs do not know `paint-order`.
    """
    content = "".join(marks)
    return element("g", ' class="under" aria-hidden="true"', content) if content else Mark("")


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
    return group(f"arrow {class_}", (path(shape, "halo"), path(shape, "line")), title=title)


def trace(pixels: Array) -> str:
    """Return the shape of a line through points (n, 2), for a path."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels.tolist())


def clean(content: str) -> str:
    """Return the content with a replacement character for what XML cannot carry."""
    if content.isprintable():
        return content
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", content)


def escape(content: str) -> str:
    """Return the content as XML text."""
    return clean(content).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _name(class_: str) -> str:
    return f' class="{class_}"' if class_ else ""
