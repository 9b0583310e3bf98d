"""Observations in a plane, with axes, arrows, ellipses and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.captions import caption, count_observations, describe, note_marks
from meshlens.pca.drawing.groups import Groups, find_groups
from meshlens.pca.drawing.layers.axes import draw_ground
from meshlens.pca.drawing.layers.density import Density
from meshlens.pca.drawing.layers.ellipses import Ellipse, find_ellipses
from meshlens.pca.drawing.layers.labels import choose_labels, label_points, name_arrows, prepare
from meshlens.pca.drawing.layers.legend_keys import class_arrows, class_component, list_keys
from meshlens.pca.drawing.layers.outlines import draw_circle, draw_ellipse
from meshlens.pca.drawing.layers.points import MOST_MARKS, draw_density, draw_marks, radius_for
from meshlens.pca.drawing.layout.figure import Page, lay_out
from meshlens.pca.drawing.layout.panel import Panel, frame, span
from meshlens.pca.drawing.scene import Scene, arrange, name_component
from meshlens.pca.drawing.style import Labels, Style
from meshlens.pca.drawing.svg.marks import Mark, arrow, circle
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

_MOST_LABELLED = 30  # observations with labels, if the caller leaves the choice
_MARGIN = 30.0  # from the outermost mark to the edge of the panel, for names


@dataclass(frozen=True, slots=True, eq=False)
class _Contents:
    """What is drawn, before it is known where.

    Attributes:
        scene: in data units.
        groups: of its points.
        words: the names of its points, or none to number them.
        ellipses: around its groups.
        skipped: groups without an ellipse.
        rule: which points to label.
        chosen: those points.
        new: the points are supplementary.
    """

    scene: Scene
    groups: Groups
    words: Sequence[str]
    ellipses: tuple[Ellipse, ...]
    skipped: tuple[str, ...]
    rule: Labels
    chosen: Whole
    new: bool

    @property
    def dense(self) -> bool:
        """Whether there are too many points for a mark each."""
        return len(self.scene.points) > MOST_MARKS


def draw_plane(table: Table, model: PcaModel, style: Style, *, new: bool) -> bytes:
    """Draw observations, or for kind=loadings variables, in the plane of two components."""
    contents = _gather(table, model, style, new=new)
    scene, groups = contents.scene, contents.groups
    keys = list_keys(scene, model, style, groups, new=contents.new, dense=contents.dense)
    outliers = contents.rule == "outliers" and len(contents.chosen) > 0
    notes = note_marks(outliers=outliers, dense=contents.dense)
    words = caption(scene, style, table, skipped=contents.skipped, notes=notes)
    page = lay_out(style, words, keys)
    panel = _frame(page, contents)
    pixels = panel.to_pixels(scene.points)
    points, density = _draw_points(contents, pixels, panel)
    if density:
        keys = list_keys(scene, model, style, groups, new=contents.new, density=density)
    named, labelled = _draw_named(contents, model, pixels, panel)
    marks = [
        *draw_ground(panel, scene.labels, zero=scene.axes is None),
        *([draw_circle(scene.circle, panel)] if scene.circle else ()),
        *points,
        *(draw_ellipse(ellipse, groups, panel) for ellipse in contents.ellipses),
        *named,
    ]
    summary = count_observations(table, model, new=new)
    about = describe(scene, model, style, summary, groups=groups, labelled=labelled)
    return page.render(subtitle=summary, description=about, marks=marks, legend=keys)


def _gather(table: Table, model: PcaModel, style: Style, *, new: bool) -> _Contents:
    variables = style.kind == "loadings"
    scene = arrange(table.values, model, style)
    groups = find_groups(() if variables else table.groups, len(scene.points))
    ellipses, skipped = find_ellipses(scene.points, groups, style.ellipse, style.level)
    rule: Labels = style.labels
    if rule == "auto":
        few = table.labels and len(scene.points) <= _MOST_LABELLED
        rule = "all" if few else "outliers"
    unlabelled = variables or style.labels == "none"
    return _Contents(
        scene=scene,
        groups=groups,
        words=scene.names if variables else table.labels,
        ellipses=ellipses,
        skipped=skipped,
        rule=rule,
        chosen=choose_labels(np.zeros(0) if unlabelled else scene.distances(), rule),
        new=new and not variables,
    )


def _frame(page: Page, contents: _Contents) -> Panel:
    """Show all of the contents."""
    scene = contents.scene
    others = [scene.mean[np.newaxis]]
    if scene.axes is not None:
        others += [scene.mean + scene.axes, scene.mean - scene.axes]
    if scene.arrows:
        others.append(scene.arrows.tips)
    if scene.circle:
        others.append(scene.circle * np.array([[-1.0, -1.0], [1.0, 1.0]]))
    for ellipse in contents.ellipses:
        others.append(ellipse.centre + np.outer([-1.0, 1.0], ellipse.reach))
    low, high = span([scene.points, np.concatenate(others)])
    return frame(
        low,
        high,
        left=page.left,
        top=page.top,
        width=page.width,
        height=page.height,
        margin=_MARGIN,
        equal=page.style.aspect == "equal",
    )


def _draw_points(
    contents: _Contents, pixels: Array, panel: Panel
) -> tuple[list[Mark], Density | None]:
    if contents.dense:
        density, marks = draw_density(pixels, contents.groups, panel)
        return marks, density
    points, groups = contents.scene.points, contents.groups
    return list(draw_marks(points, pixels, groups, contents.words, hollow=contents.new)), None


def _draw_named(
    contents: _Contents, model: PcaModel, pixels: Array, panel: Panel
) -> tuple[list[Mark], list[str]]:
    """Draw arrows, their names and the labels of points; return what is labelled, too."""
    scene, groups = contents.scene, contents.groups
    tips, names, classes = _list_arrows(scene, model, groups)
    mean, ends = panel.to_pixels(scene.mean), panel.to_pixels(tips)
    # Principal axes go through the mean, loadings begin there.
    tails = 2 * mean - ends if scene.axes is not None else np.broadcast_to(mean, ends.shape)
    marks = [
        arrow(tail, end, class_, title=name)
        for tail, end, class_, name in zip(tails, ends, classes, names, strict=True)
    ]
    if scene.axes is not None:
        x, y = mean.tolist()
        marks.append(circle(x, y, 4, "mean"))
    if not (len(ends) or len(contents.chosen)):
        return marks, []
    placer = prepare(panel, pixels, tails, ends)
    marks += name_arrows(placer, mean, ends, names, classes)
    labels, labelled = label_points(
        placer, pixels, contents.chosen, contents.words, radius_for(len(pixels))
    )
    return marks + labels, labelled


def _list_arrows(
    scene: Scene, model: PcaModel, groups: Groups
) -> tuple[Array, Sequence[str], Sequence[str]]:
    """Return tips (m, 2), names and classes of the arrows, the one to see best last."""
    if scene.axes is not None:
        order = (1, 0)
        classes = [f"axis {class_component(scene, groups, place)}" for place in order]
        tips: Array = scene.mean + scene.axes[list(order)]
        return tips, [name_component(model, place) for place in order], classes
    if scene.arrows:
        tips = scene.arrows.tips
        return tips, scene.arrows.names, [class_arrows(groups)] * len(tips)
    return np.zeros((0, 2)), (), ()
