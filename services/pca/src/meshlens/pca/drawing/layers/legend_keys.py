"""What stands in the legend of observations in a plane."""

from meshlens.pca.drawing.captions import name_ellipse
from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.layers.density import LEVELS, Density
from meshlens.pca.drawing.layers.points import colour_class
from meshlens.pca.drawing.layout.legend import Entry, Section, bar, entry
from meshlens.pca.drawing.scene import Scene
from meshlens.pca.drawing.style import Style
from meshlens.pca.drawing.svg.marks import Mark, group, path
from meshlens.pca.drawing.svg.palette import symbol
from meshlens.pca.numbers.decomposition import PcaModel

_MOST_BARS = 5
_SYMBOL_RADIUS = 4.5


def list_keys(
    scene: Scene,
    model: PcaModel,
    style: Style,
    groups: Groups,
    *,
    new: bool,
    density: Density | None = None,
    dense: bool = False,
) -> list[Section]:
    """Return the sections of the legend.

    Args:
        scene: what is drawn.
        model: behind it.
        style: the choices.
        groups: of the points.
        new: the points are supplementary.
        density: of the points, once it is known.
        dense: there will be one.
    """
    sections = []
    marks = tuple(
        entry(_symbol(groups, number, new=new), name) for number, name in enumerate(groups.names)
    )
    if marks:
        sections.append(Section("New observations" if new else "Groups", marks, elastic=True))
    others = [*_ellipse(style), *_arrows(scene, style, groups)]
    if new and not marks:
        others.insert(0, entry(_symbol(groups, 0, new=True), "new observation"))
    if dense or density:
        others.append(_ramp(density, groups))
    if others:
        sections.append(Section("", tuple(others)))
    bars = tuple(
        bar(f"PC {place + 1}", share, class_component(scene, groups, place))
        for place, share in enumerate(model.explained_variance_ratio[:_MOST_BARS].tolist())
    )
    sections.append(Section("Explained variance", bars, elastic=True, repeats=True))
    return sections


def class_component(scene: Scene, groups: Groups, place: int) -> str:
    """Return the class of a principal axis; groups keep the colours to themselves."""
    if scene.axes is None or groups.names:
        return "ink" if place < 2 or scene.axes is None else "rest"  # noqa: PLR2004 - the plane
    return f"pc{place + 1}" if place < 2 else "rest"  # noqa: PLR2004 - the plane


def class_arrows(groups: Groups) -> str:
    """Return the class of loading arrows; groups keep the colours to themselves."""
    return "ink loading" if groups.names else "loading"


def _symbol(groups: Groups, number: int, *, new: bool) -> Mark:
    hollow = " new" if new else ""
    class_ = f"points {colour_class(groups, number)}{hollow}"
    return symbol(number, _SYMBOL_RADIUS, 8.0, -4.0, class_)


def _ellipse(style: Style) -> list[Entry]:
    if style.ellipse == "none":
        return []
    shape = {"cx": "8", "cy": "-4", "rx": "8", "ry": "5"}
    ring = Mark("ellipse", {**shape, "class": "ellipse ink"})
    return [entry(ring, name_ellipse(style))]


def _arrows(scene: Scene, style: Style, groups: Groups) -> list[Entry]:
    if scene.arrows is None:
        return []
    shape = "M0 -4H14M18 -4L9 0.5L9 -8.5Z"
    picture = group(class_arrows(groups), (path(shape, "line"),))
    factor = scene.arrows.factor
    times = f" \N{MULTIPLICATION SIGN} {factor:.3g}" if factor != 1.0 else ""
    what = "variables" if style.kind == "biplot" else "loadings"
    return [entry(picture, f"{what}{times}")]


def _ramp(density: Density | None, groups: Groups) -> Entry:
    """Return the shades of cells with the counts at either end."""
    levels = density.levels if density else ()
    count = len(levels) or LEVELS
    shades = [path(f"M{7 * place} -4h7", f"d{place}", width=9) for place in range(count)]
    class_ = "cells ink mixed" if groups.names else "cells all"
    words = f"{levels[0].low:,}\N{EN DASH}{levels[-1].high:,} per cell" if levels else "per cell"
    line = entry(None, words)
    moved = group("", line.marks, transform=f"translate({7 * count - 16} 0)")
    return Entry((group(class_, shades), moved), max(180.0, line.width + 7 * count - 16))
