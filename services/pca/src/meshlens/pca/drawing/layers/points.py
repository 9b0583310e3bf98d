"""Observations, each with its own mark, while they are few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Entry, Section, entry
from meshlens.pca.drawing.layout.text_width import measure
from meshlens.pca.drawing.layout.ticks import MINUS
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.scenes.shading import STEPS, Shading
from meshlens.pca.drawing.svg.marks import Mark, escape, rect, text
from meshlens.pca.drawing.svg.palette import close, radius_for, symbol, template

Array: TypeAlias = npt.NDArray[np.float64]

_MOST_TITLES = 1000
_SYMBOL_RADIUS = 4.5
_SMALLER = 0.7  # than in a picture of one plane
_STEP_WIDTH = 6.0  # pixels of the scale of colours


@dataclass(slots=True, eq=False)
class Points(Layer[Plane]):
    """The points of a plane, in the colours and shapes of their groups.

    Attributes:
        plane: of the points.
        order: the points as indices, in the order of their marks, once these are drawn.
    """

    plane: Plane
    order: Sequence[int] = ()

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the points, unless there are too many for a mark each."""
        return None if scene.crowded else cls(scene)

    def extent(self) -> Sequence[Array]:
        """Return the points."""
        return self.plane.extent()

    def legend(self) -> Sequence[Section]:
        """Return the mark of each group, what shapes and colours mean; else that of new points."""
        plane = self.plane
        groups, factor, shading, new = (
            plane.groups,
            plane.factor,
            plane.shading,
            plane.supplementary,
        )
        sections = []
        if shading:
            sections.append(Section(shading.name, _draw_scale(shading)))
        if groups.names and not (factor and shading):
            heading = "New observations" if new else "Groups"
            marks = [
                entry(
                    self._symbol(
                        0 if factor else number,
                        "quiet" if shading else groups.colour_class(number),
                    ),
                    name,
                )
                for number, name in enumerate(groups.names)
            ]
            sections.append(Section(heading, tuple(marks), elastic=True))
        if factor:
            marks = [entry(self._symbol(i, "quiet"), name) for i, name in enumerate(factor.names)]
            sections.append(Section(plane.factor_name or "Shapes", tuple(marks), elastic=True))
        if sections or not new:
            return sections
        return (Section("", (entry(self._symbol(0, groups.colour_class(0)), "new observation"),)),)

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the marks of each group."""
        pixels = canvas.panel.to_pixels(self.plane.points)
        canvas.avoid(pixels, radius_for(len(pixels)))
        canvas.keep_clear(canvas.panel.to_pixels(self.plane.mean))
        return list(self._draw_groups(pixels))

    def marked(self) -> Sequence[int]:
        """Return the observations in the order in which they have been drawn."""
        return () if self.plane.of_variables else self.order

    def spoken(self) -> Sequence[str]:
        """Return the names of the groups, and what shapes and colours mean."""
        plane, said = self.plane, []
        if plane.groups.names:
            said.append(f"{len(plane.groups.names)} groups: {join_names(plane.groups.names)}")
        if plane.factor:
            said.append(f"shapes show {plane.factor_name}: {join_names(plane.factor.names)}")
        if plane.shading:
            low, high = plane.shading.low, plane.shading.high
            said.append(f"colours show {plane.shading.name} from {low:.4g} to {high:.4g}")
        return said

    def _draw_groups(self, pixels: Array) -> Iterator[Mark]:
        """Yield the marks (n, 2) with the name and place of each while that is not too much."""
        points, groups, looks = self.plane.points, self.plane.groups, self.plane.looks()
        n = len(points)
        radius = radius_for(n) * (_SMALLER if self.plane.small else 1.0)
        # One formatting of all marks that look alike is the fastest way there is to write them.
        codes = (groups.codes, looks.colours, looks.shapes)
        keys = np.ravel_multi_index(codes, [int(code.max(initial=0)) + 1 for code in codes])
        # Without the inverse, numpy looks for masked arrays, and imports numpy.ma to do so.
        used, which = np.unique(keys, return_inverse=True)
        alike = [np.flatnonzero(which == number) for number in range(len(used))]
        self.order = [place for members in alike for place in members.tolist()]
        for members in alike:
            first = members[0]
            mark = template(int(looks.shapes[first]), radius)
            places = pixels[members].ravel().tolist()
            if n > _MOST_TITLES or self.plane.small:
                marks = f"{mark}/>" * len(members) % tuple(places)
            else:
                name = groups.names[groups.codes[first]] if groups.names else ""
                suffix = f", {escape(name)}" if name else ""
                title = f"<title>%s{suffix.replace('%', '%%')}: %.4g, %.4g</title>"
                slots = f"{mark}>{title}{close(int(looks.shapes[first]))}"
                parts: list[object] = [None] * (5 * len(members))
                parts[0::5], parts[1::5] = places[0::2], places[1::2]
                parts[2::5] = self._names()[members].tolist()
                parts[3::5], parts[4::5] = points[members].T.tolist()
                marks = slots * len(members) % tuple(parts)
            yield Mark(f'<g class="{self._class(looks.classes[looks.colours[first]])}">{marks}</g>')

    def _names(self) -> npt.NDArray[np.object_]:
        """Return (n,) names of the points as XML text, or numbers from 1."""
        names = self.plane.names
        if names:
            return np.array([escape(name) for name in names], dtype=np.object_)
        return np.arange(1, len(self.plane.points) + 1).astype(np.object_)

    def _symbol(self, shape: int, colour: str) -> Mark:
        return symbol(shape, _SYMBOL_RADIUS, 8.0, -4.0, self._class(colour))

    def _class(self, colour: str) -> str:
        new = " new" if self.plane.supplementary else ""
        return f"points {colour}{new}"


def _draw_scale(shading: Shading) -> tuple[Entry, ...]:
    """Return the scale of colours with its ends, and the colour of what is not known."""
    steps = "".join(
        rect(_STEP_WIDTH * step, -9, _STEP_WIDTH, 10, f"scale{step}") for step in range(STEPS)
    )
    width = _STEP_WIDTH * STEPS
    ends = f"{shading.low:.3g} to {shading.high:.3g}".replace("-", MINUS)
    scale = Mark(steps + text(ends, width + 6, 0))
    entries = [Entry(lambda: scale, width + 6 + measure(ends))]
    if not np.isfinite(shading.values).all():
        unknown = symbol(0, _SYMBOL_RADIUS, 8.0, -4.0, "points rest")
        entries.append(entry(unknown, "not known"))
    return tuple(entries)
