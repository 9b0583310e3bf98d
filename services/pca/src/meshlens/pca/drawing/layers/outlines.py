"""Ellipses and circles as marks."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.layers.ellipses import Ellipse
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.svg.marks import Mark
from meshlens.pca.drawing.svg.palette import colour_of

Array: TypeAlias = npt.NDArray[np.float64]


def draw_ellipse(ellipse: Ellipse, groups: Groups, panel: Panel) -> Mark:
    """Draw an ellipse in the colour of its group."""
    colour = colour_of(ellipse.group) if groups.names else "ink"
    shape = _shape(ellipse.centre, ellipse.matrix, panel)
    return Mark("ellipse", {**shape, "class": f"ellipse {colour}"})


def draw_circle(radius: float, panel: Panel) -> Mark:
    """Draw a circle in data units around zero."""
    shape = _shape(np.zeros(2), radius**2 * np.eye(2), panel)
    return Mark("ellipse", {**shape, "class": "guide"})


def _shape(centre: Array, matrix: Array, panel: Panel) -> dict[str, str]:
    """Return the attributes of an ellipse; its axes are the eigenvectors of its matrix."""
    x, y = panel.to_pixels(centre).tolist()
    (a, b), (_, c) = (matrix * np.outer(panel.unit, panel.unit)).tolist()
    middle, half = (a + c) / 2, math.hypot((a - c) / 2, b)
    turn = math.degrees(math.atan2(2 * b, a - c) / 2)
    long, short = math.sqrt(middle + half), math.sqrt(max(0.0, middle - half))
    return {
        "cx": f"{x:.1f}",
        "cy": f"{y:.1f}",
        "rx": f"{long:.1f}",
        "ry": f"{short:.1f}",
        "transform": f"rotate({turn:.2f} {x:.1f} {y:.1f})",
    }
