"""Colours and shapes of groups, told apart by everyone.

The eight colours keep 3:1 contrast with the ground and stay apart for readers with protanopia,
deuteranopia and tritanopia, simulated after Machado, Oliveira and Fernandes (2009); a test holds
them to both. Seven shapes go with them, so that 56 groups differ and print in black and white.
"""

import math

from meshlens.pca.drawing.svg.marks import Mark, circle, path

LIGHT = (
    "#284ad9", "#b23600", "#009f9b", "#884788", "#be810d", "#51224f", "#8278ce", "#7c200e",
)  # fmt: skip
DARK = (
    "#708cf8", "#d76222", "#00f1bc", "#bf92a4", "#ebcb22", "#ffffff", "#6464d7", "#986270",
)  # fmt: skip
# Viridis (Smith and van der Walt 2015) from low to high, as far as it stands out from the ground.
SCALE_LIGHT = (
    "#440154", "#461667", "#472b79", "#423c83", "#3c4e8a", "#355f8c", "#2e6e8e", "#287c8e",
    "#248b8c", "#209a8a", "#28a883", "#34b67a", "#50c269", "#6fce57", "#96d73f",
)  # fmt: skip
SCALE_DARK = (
    "#31678e", "#2d728e", "#287e8e", "#24898d", "#21958b", "#22a187", "#2bac80", "#35b779",
    "#4dc16b", "#65ca5d", "#82d24c", "#a0d938", "#bfdf2a", "#dee328", "#fde725",
)  # fmt: skip

_STAR = (1.45, 0.68)  # radii of its points and of its corners between them
# Corners of the same area as a circle of radius 1, which has none.
_UNIT_SHAPES = (
    (),
    ((-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)),
    ((0.0, -1.35), (1.17, 0.68), (-1.17, 0.68)),
    ((0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)),
    ((0.0, 1.35), (1.17, -0.68), (-1.17, -0.68)),
    (
        (-0.42, -1.2), (0.42, -1.2), (0.42, -0.42), (1.2, -0.42), (1.2, 0.42), (0.42, 0.42),
        (0.42, 1.2), (-0.42, 1.2), (-0.42, 0.42), (-1.2, 0.42), (-1.2, -0.42), (-0.42, -0.42),
    ),
    tuple(
        (reach * math.sin(turn * math.pi / 5), -reach * math.cos(turn * math.pi / 5))
        for turn, reach in enumerate(_STAR * 5)
    ),
)  # fmt: skip


def colour_of(number: int) -> str:
    """Return the class of the colour of a group, counted from 0."""
    return f"g{number % len(LIGHT)}"


def radius_for(n: int) -> float:
    """Return the radius in pixels of the marks of n points."""
    return min(5.0, max(1.5, 9.0 / math.pow(max(1, n), 0.2)))


def template(number: int, radius: float) -> str:
    """Return the mark of a group, open for what it contains, with %.1f where x and y belong."""
    shape = _shape(number, radius)
    return (
        f'<path d="M%.1f %.1f{shape}"' if shape else f'<circle cx="%.1f" cy="%.1f" r="{radius:.1f}"'
    )


def symbol(number: int, radius: float, x: float, y: float, class_: str) -> Mark:
    """Return the mark of a group at one place."""
    shape = _shape(number, radius)
    return path(f"M{x:.1f} {y:.1f}{shape}", class_) if shape else circle(x, y, radius, class_)


def _shape(number: int, radius: float) -> str:
    """Return the outline of a mark from its middle on; empty for a circle."""
    corners = _UNIT_SHAPES[number % len(_UNIT_SHAPES)]
    if not corners:
        return ""
    (x, y), *others = ((radius * x, radius * y) for x, y in corners)
    shape = f"m{x:.1f} {y:.1f}"
    for to_x, to_y in others:
        shape += f"l{to_x - x:.1f} {to_y - y:.1f}"
        x, y = to_x, to_y
    return f"{shape}z"


def close(number: int) -> str:
    """Return what ends a mark that has contents."""
    return "</path>" if _UNIT_SHAPES[number % len(_UNIT_SHAPES)] else "</circle>"
