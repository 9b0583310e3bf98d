"""The few kinds of marks that a picture is made of, as SVG text.

Plain text takes a tenth of the time of a tree of elements. Only `escape` may bring a caller's words
into it.
"""

import re
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

_HEAD_LENGTH, _HEAD_WIDTH = 10.0, 9.0
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(content: str, x: float, y: float, class_: str = "", *, turned: bool = False) -> str:
    """Return a line of text; turned, it reads upwards."""
    named = f' class="{class_}"' if class_ else ""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named}{turn}>{escape(content)}</text>'


def rect(
    x: float, y: float, width: float, height: float, class_: str, *, round_: float = 0.0
) -> str:
    """Return a rectangle."""
    corner = f' rx="{round_:g}"' if round_ else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f'{corner} class="{class_}"/>'
    )


def circle(x: float, y: float, radius: float, class_: str) -> str:
    """Return a circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{class_}"/>'


def path(shape: str, class_: str, *, title: str = "") -> str:
    """Return a path, with words that show when a pointer rests on it."""
    if not title:
        return f'<path class="{class_}" d="{shape}"/>'
    return f'<path class="{class_}" d="{shape}"><title>{escape(title)}</title></path>'


def group(class_: str, marks: Iterable[str], *, title: str = "", transform: str = "") -> str:
    """Return marks that share a class."""
    named = f' class="{class_}"' if class_ else ""
    moved = f' transform="{transform}"' if transform else ""
    titled = f"<title>{escape(title)}</title>" if title else ""
    return f"<g{named}{moved}>{titled}{''.join(marks)}</g>"


def arrow(tail: Array, tip: Array, class_: str, *, title: str = "") -> str:
    """Return a line with a head, over a halo; nothing if it has no length."""
    (x, y), (to_x, to_y) = tail.tolist(), tip.tolist()
    length = float(np.hypot(to_x - x, to_y - y))
    if length < 1.0:
        return ""
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


def escape(content: str) -> str:
    """Return the content as XML text; what XML cannot carry becomes a replacement character."""
    if not content.isprintable():
        content = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", content)
    return content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
