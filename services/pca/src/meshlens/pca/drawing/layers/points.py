"""Observations, each with its own mark, while they are few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.captions import join_names
from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.canvas import Canvas
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.svg.marks import Mark, escape
from meshlens.pca.drawing.svg.palette import close, radius_for, symbol, template

Array: TypeAlias = npt.NDArray[np.float64]

MOST_MARKS = 3000
_MOST_TITLES = 1000
_SYMBOL_RADIUS = 4.5


@dataclass(slots=True, eq=False)
class Points(Layer[Plane]):
    """The points of a plane, in the colours and shapes of their groups."""

    plane: Plane

    @classmethod
    def of(cls, scene: Plane) -> Self | None:
        """Return the points, unless there are too many for a mark each."""
        return cls(scene) if len(scene.points) <= MOST_MARKS else None

    def extent(self) -> Sequence[Array]:
        """Return the points."""
        return self.plane.extent()

    def legend(self) -> Sequence[Section]:
        """Return the mark of each group; without groups, that of new points."""
        groups, new = self.plane.groups, self.plane.supplementary
        if groups.names:
            heading = "New observations" if new else "Groups"
            marks = [entry(self._symbol(number), name) for number, name in enumerate(groups.names)]
            return (Section(heading, tuple(marks), elastic=True),)
        return (Section("", (entry(self._symbol(0), "new observation"),)),) if new else ()

    def draw(self, canvas: Canvas) -> Sequence[Mark]:
        """Draw the marks of each group."""
        pixels = canvas.panel.to_pixels(self.plane.points)
        canvas.avoid(pixels, radius_for(len(pixels)))
        canvas.keep_clear(canvas.panel.to_pixels(self.plane.mean))
        return list(self._draw_groups(pixels))

    def spoken(self) -> Sequence[str]:
        """Return the names of the groups."""
        names = self.plane.groups.names
        return (f"{len(names)} groups: {join_names(names)}",) if names else ()

    def _draw_groups(self, pixels: Array) -> Iterator[Mark]:
        """Yield the marks (n, 2) with the name and place of each while that is not too much."""
        points, groups = self.plane.points, self.plane.groups
        n = len(points)
        radius = radius_for(n)
        for number, name in enumerate(groups.names or ("",)):
            members = np.flatnonzero(groups.codes == number) if groups.names else slice(None)
            mark = template(number, radius)
            places = pixels[members].ravel().tolist()
            if n > _MOST_TITLES:
                marks = f"{mark}/>" * (len(places) // 2) % tuple(places)
            else:
                words = self._names()[members]
                suffix = f", {escape(name)}" if name else ""
                title = f"<title>%s{suffix.replace('%', '%%')}: %.4g, %.4g</title>"
                slots = f"{mark}>{title}{close(number)}"
                # One formatting of all is the fastest way there is to write numbers.
                parts: list[object] = [None] * (5 * len(words))
                parts[0::5], parts[1::5] = places[0::2], places[1::2]
                parts[2::5] = words.tolist()
                parts[3::5], parts[4::5] = points[members].T.tolist()
                marks = slots * len(words) % tuple(parts)
            yield Mark(f'<g class="{self._class(number)}">{marks}</g>')

    def _names(self) -> npt.NDArray[np.object_]:
        """Return (n,) names of the points as XML text, or numbers from 1."""
        names = self.plane.names
        if names:
            return np.array([escape(name) for name in names], dtype=np.object_)
        return np.arange(1, len(self.plane.points) + 1).astype(np.object_)

    def _symbol(self, number: int) -> Mark:
        return symbol(number, _SYMBOL_RADIUS, 8.0, -4.0, self._class(number))

    def _class(self, number: int) -> str:
        new = " new" if self.plane.supplementary else ""
        return f"points {self.plane.groups.colour_class(number)}{new}"
