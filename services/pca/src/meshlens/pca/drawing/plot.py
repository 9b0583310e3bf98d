"""A table and its principal components -> SVG.

The same input gives the same bytes: nothing depends on a clock, a hash or a counter, and every
coordinate is written to a tenth of a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import note_reading, note_weights, weigh_outweighing
from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.figure import Page, lay_out
from meshlens.pca.drawing.layout.legend import Section, gather
from meshlens.pca.drawing.layout.panel import Panel, frame, span
from meshlens.pca.drawing.scenes.scene import Scene, Subject
from meshlens.pca.drawing.scenes.tally import Cloud
from meshlens.pca.drawing.style import Style
from meshlens.pca.drawing.svg.marks import Mark
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]

_DEFAULT = Style()
_MARGIN = 30.0  # from the outermost mark to the edge of the panel, for names


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn.

    Attributes:
        svg: the document.
        marked: the observations that have a mark of their own, as indices, in the order of the
            marks; empty if the picture has several planes, or none.
        axes: what x and y are.
    """

    svg: bytes
    marked: Sequence[int]
    axes: tuple[str, str]


def draw(
    table: Table,
    model: PcaModel,
    style: Style = _DEFAULT,
    *,
    new: bool = False,
    kept: int | None = None,
    chance: Array | None = None,
    parallel: bool = False,
    cloud: Cloud | None = None,
) -> Picture:
    """Draw observations, variables or shares of the variance, according to the style.

    Args:
        table: the observations.
        model: theirs, or an earlier one.
        style: what is drawn, and how.
        new: the model is an earlier one, so the observations are marked as supplementary.
        kept: number of components to mark as kept in a scree plot; None marks none.
        chance: (r,), variances of components by chance, of parallel analysis, for a scree plot.
        parallel: these have decided how many are kept.
        cloud: the observations in the plane, if the table has none of them; for kinds of one plane
            of observations, without `new`.

    Raises:
        InvalidTable: there is only one variable, so nothing to plot it against.
        InvalidOption: the model lacks a component that is to be drawn.
    """
    subject = Subject(
        table, model, style, new=new, kept=kept, chance=chance, parallel=parallel, cloud=cloud
    )
    sheet = _lay_out(subject)
    scene, layers, explained = sheet.scene, sheet.layers, sheet.explained
    marks = _draw(layers, Canvas(sheet.panel))
    spans = [span([points for layer in part for points in layer.extent()]) for part in sheet.parts]
    for part, panel in zip(sheet.parts, scene.divide(sheet.panel, spans), strict=True):
        marks += _draw(part, Canvas(panel))
    spoken = "; ".join([scene.introduce(), *(said for each in explained for said in each.spoken())])
    svg = sheet.page.render(
        subtitle=subject.summary,
        description=" ".join(filter(None, [f"{spoken}.", sheet.noted])),
        marks=marks,
        legend=sheet.legend,
        hint="" if weigh_outweighing(model) is None else "standardize",
    )
    return Picture(svg, [each for layer in layers for each in layer.marked()], scene.labels)


def find_panel(table: Table, model: PcaModel, style: Style, cloud: Cloud) -> Panel:
    """Return the panel in which `draw` will show a cloud, whatever its tally.

    Raises:
        InvalidTable: as `draw`.
        InvalidOption: as `draw`.
    """
    return _lay_out(Subject(table, model, style, cloud=cloud)).panel


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is to be drawn, and where.

    Attributes:
        scene: what the picture shows.
        layers: of the scene.
        parts: the layers of each of its parts.
        explained: the layers of which legend, caption and description speak.
        legend: its sections.
        noted: what else a reader must know.
        page: what stands around the panel.
        panel: of the scene.
    """

    scene: Scene
    layers: Sequence[Layer[Any]]
    parts: Sequence[Sequence[Layer[Any]]]
    explained: Sequence[Layer[Any]]
    legend: Sequence[Section]
    noted: str
    page: Page
    panel: Panel


def _lay_out(subject: Subject) -> _Sheet:
    style = subject.style
    scene, layers = KINDS[style.kind].compose(subject)
    # What is said of one plane holds for all of a picture.
    parts = [KINDS[style.kind].compose_part(plane) for plane in scene.parts]
    explained = [*layers, *(parts[0] if parts else ())]
    legend = gather(section for layer in explained for section in layer.legend())
    said = (sentence for layer in explained for sentence in layer.caption())
    caption = " ".join(filter(None, [scene.definition, *said]))
    noted = " ".join([*note_weights(subject.model), *note_reading(subject.table)])
    page = lay_out(style, caption, legend, notes=noted, beside=scene.rows)
    panel = _frame(page, scene, layers)
    return _Sheet(scene, layers, parts, explained, legend, noted, page, panel)


def _draw(layers: Sequence[Layer[Any]], canvas: Canvas) -> list[Mark]:
    """Return the marks of layers and, above them, their words."""
    upwards = sorted(layers, key=lambda layer: layer.over)
    marks = [mark for layer in upwards for mark in layer.draw(canvas)]
    return marks + [mark for layer in upwards for mark in layer.place_words(canvas)]


def _frame(page: Page, scene: Scene, layers: Sequence[Layer[Any]]) -> Panel:
    """Return a panel in which all layers fit."""
    if scene.limits is not None:
        low, high = scene.limits
        return Panel(page.left, page.top, page.width, page.height, low, high)
    low, high = span([part for layer in layers for part in layer.extent()])
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
