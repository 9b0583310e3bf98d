"""Observations and their principal axes -> SVG.

The same input gives the same bytes: nothing depends on a clock, a hash or a counter, and every
coordinate is written to a tenth of a pixel.
"""

from typing import TypeAlias
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
from svgwrite import Drawing
from svgwrite.container import Style

from pca.decomposition import Fit
from pca.errors import InvalidTable
from pca.marks import Circles, arrow, clean, text
from pca.names import Name, shorten, spread
from pca.scene import REACH, Panel, Scene, arrange, frame
from pca.stylesheet import STYLESHEET
from pca.ticks import find_ticks

Array: TypeAlias = npt.NDArray[np.float64]

DEFAULT_TITLE = "Principal components"

_LEFT, _TOP, _RIGHT, _BOTTOM = 68.0, 72.0, 20.0, 52.0
_LEGEND_WIDTH, _LEGEND_GAP, _LEGEND_ROW, _MOST_LEGEND_ROWS = 128.0, 24.0, 36.0, 5
_MARGIN = 30.0  # from the outermost mark to the edge of the panel, for names
_TICK_DISTANCE = 50.0
_NAME_WIDTH = 150.0
_SHORTEST_NAMED = 8.0


def draw(values: Array, fit: Fit, *, title: str = "", width: int = 640, height: int = 480) -> bytes:
    """Draw observations with the principal axes that were fitted to them.

    Args:
        values: (n, p), finite, p at least 2.
        fit: theirs, with at least two components.
        title: above the picture.
        width: of the picture in pixels, 480 or more.
        height: of the picture in pixels, 320 or more.

    Raises:
        InvalidTable: there is one variable only, so nothing to draw against it.
    """
    if values.shape[1] < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidTable(
            "a plot needs at least 2 variables",
            got="1",
            remedy="send rows of two or more numbers, or ask for fit instead of plot",
        )
    title = title or DEFAULT_TITLE
    scene = arrange(values, fit)
    panel = frame(
        scene,
        left=_LEFT,
        top=_TOP,
        width=width - _LEFT - _LEGEND_GAP - _LEGEND_WIDTH - _RIGHT,
        height=height - _TOP - _BOTTOM,
        margin=_MARGIN,
    )
    drawing = Drawing(
        size=(f"{width}px", f"{height}px"),
        viewBox=f"0 0 {width} {height}",
        class_="pca-plot",
        role="img",
        debug=False,
    )
    drawing.set_desc(clean(title), clean(_describe(scene, fit)))
    drawing.add(Style(STYLESHEET, factory=drawing))
    drawing.add(drawing.rect(size=(width, height), class_="paper"))
    drawing.add(
        text(drawing, shorten(title, width - _LEFT - _RIGHT, font_size=18), _LEFT, 32, "title")
    )
    drawing.add(text(drawing, _summarize(fit), _LEFT, 53, "quiet"))
    _add_panel(drawing, panel, scene)
    radius = min(5.0, max(1.5, 9.0 * fit.n**-0.2))
    drawing.add(Circles(drawing, panel.to_pixels(scene.points), radius, "points"))
    _add_axes(drawing, panel, scene)
    _add_arrows(drawing, panel, scene)
    x, y = panel.to_pixels(scene.mean)
    drawing.add(drawing.circle((f"{x:.1f}", f"{y:.1f}"), 4, class_="mean"))
    _add_legend(drawing, panel, scene, fit)
    # The drawing's own tostring() encodes every small piece by itself, which takes twice as long.
    return ET.tostring(drawing.get_xml(), encoding="unicode").encode()


def _summarize(fit: Fit) -> str:
    prefix = "standardized " if fit.standardized else ""
    return f"{fit.n} observations of {len(fit.names)} {prefix}variables"


def _describe(scene: Scene, fit: Fit) -> str:
    """Say in words what the picture shows."""
    shares = [
        f"PC {number} explains {_percent(share)} of the variance"
        for number, share in enumerate(fit.explained_variance_ratio[:2], start=1)
    ]
    what = f"{scene.labels[0]} and {scene.labels[1]}" if scene.arrows else " and ".join(fit.names)
    x, y = scene.mean
    sentences = [
        f"{_summarize(fit)}: {what}",
        f"the principal axes cross at the mean ({x:.6g}, {y:.6g})",
        f"they reach {REACH:g} standard deviations to either side",
        *shares,
    ]
    if scene.arrows:
        sentences.append(f"arrows show the loadings of {', '.join(scene.arrows.names)}")
    return "; ".join(sentences) + "."


def _add_panel(drawing: Drawing, panel: Panel, scene: Scene) -> None:
    """Draw the ground, the grid and the numbers along it."""
    x_ticks = find_ticks(
        float(panel.low[0]), float(panel.high[0]), most=max(2, int(panel.width / _TICK_DISTANCE))
    )
    y_ticks = find_ticks(
        float(panel.low[1]), float(panel.high[1]), most=max(2, int(panel.height / _TICK_DISTANCE))
    )
    unit = panel.width / (panel.high[0] - panel.low[0])
    columns = [panel.left + unit * (x - panel.low[0]) for x in x_ticks.positions]
    rows = [panel.bottom - unit * (y - panel.low[1]) for y in y_ticks.positions]
    drawing.add(
        drawing.rect((panel.left, panel.top), (panel.width, panel.height), rx=4, class_="panel")
    )
    grid = [f"M{x:.1f} {panel.top:g}V{panel.bottom:g}" for x in columns]
    grid += [f"M{panel.left:g} {y:.1f}H{panel.right:g}" for y in rows]
    drawing.add(drawing.path("".join(grid), class_="grid"))
    for x, label in zip(columns, x_ticks.labels, strict=True):
        drawing.add(text(drawing, label, x, panel.bottom + 18, "quiet middle"))
    for y, label in zip(rows, y_ticks.labels, strict=True):
        drawing.add(text(drawing, label, panel.left - 8, y + 4, "quiet end"))
    x, y = panel.left + panel.width / 2, panel.top + panel.height / 2
    x_name = x_ticks.label_axis(shorten(scene.labels[0], panel.width))
    y_name = y_ticks.label_axis(shorten(scene.labels[1], panel.height))
    pc1, pc2 = (" pc1", " pc2") if scene.arrows else ("", "")
    drawing.add(text(drawing, x_name, x, panel.bottom + 40, f"middle{pc1}"))
    drawing.add(text(drawing, y_name, 20, y, f"middle{pc2}", transform=f"rotate(-90 20 {y:g})"))


def _add_axes(drawing: Drawing, panel: Panel, scene: Scene) -> None:
    """Draw the principal axes through the mean, the first above the second.

    They are named at their positive ends; scores say it at the edges of the panel.
    """
    mean = panel.to_pixels(scene.mean)
    tails = panel.to_pixels(scene.mean - scene.axes)
    tips = panel.to_pixels(scene.mean + scene.axes)
    weight = "axis thin" if scene.arrows else "axis"
    for number in (2, 1):
        drawing.add(arrow(drawing, tails[number - 1], tips[number - 1], f"{weight} pc{number}"))
    if scene.arrows:
        return
    for number in (2, 1):
        # Without an arrow a name would hide the mean.
        if np.hypot(*(tips[number - 1] - mean)) >= _SHORTEST_NAMED:
            name = Name.beyond(mean, tips[number - 1], f"PC {number}").within(panel)
            drawing.add(text(drawing, name.content, name.left, name.base, f"name pc{number}"))


def _add_arrows(drawing: Drawing, panel: Panel, scene: Scene) -> None:
    """Draw the loadings of the variables, with names that do not cover each other."""
    if scene.arrows is None:
        return
    mean = panel.to_pixels(scene.mean)
    tips = panel.to_pixels(scene.arrows.tips)
    for tip in tips:
        drawing.add(arrow(drawing, mean, tip, "loading"))
    names = [
        Name.beyond(mean, tip, shorten(content, _NAME_WIDTH)).within(panel)
        for tip, content in zip(tips, scene.arrows.names, strict=True)
    ]
    for name in spread(names):
        drawing.add(text(drawing, name.content, name.left, name.base, "name loading"))


def _add_legend(drawing: Drawing, panel: Panel, scene: Scene, fit: Fit) -> None:
    """Draw the explained variance as bars, and say what the arrows are."""
    left, right = panel.right + _LEGEND_GAP, panel.right + _LEGEND_GAP + _LEGEND_WIDTH
    drawing.add(text(drawing, "Explained variance", left, panel.top + 10, "quiet"))
    most = min(_MOST_LEGEND_ROWS, int((panel.height - 60) / _LEGEND_ROW))
    y = panel.top + 34
    for number, share in enumerate(fit.explained_variance_ratio[:most].tolist(), start=1):
        class_ = f"pc{number}" if number <= 2 else "rest"  # noqa: PLR2004 - the plane's own colours
        drawing.add(text(drawing, f"PC {number}", left, y, f"strong {class_}"))
        drawing.add(text(drawing, _percent(share), right, y, "end"))
        drawing.add(drawing.rect((left, y + 6), (_LEGEND_WIDTH, 5), rx=2.5, class_="track"))
        bar = f"{max(1.0, share * _LEGEND_WIDTH):.1f}"
        drawing.add(drawing.rect((left, y + 6), (bar, 5), rx=2.5, class_=class_))
        y += _LEGEND_ROW
    if scene.arrows:
        start, end = np.array([left, y + 2]), np.array([left + 24, y + 2])
        drawing.add(arrow(drawing, start, end, "loading"))
        drawing.add(
            text(
                drawing,
                f"loadings \N{MULTIPLICATION SIGN} {scene.arrows.factor:.3g}",
                left + 32,
                y + 6,
                "quiet",
            )
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
