"""The stages of the picture: observations as points of a plane, then counts in its cells.

Where the points are decides on the panel, and the panel on the cells. Of no more observations than
a picture has marks for, all points are kept, and there is nothing to count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.batch.job import Fields, GoOn
from meshlens.batch.objects import Objects
from meshlens.pca.answers.pictures import encode_parts_picture
from meshlens.pca.answers.schemas import ReadPartsAnswer
from meshlens.pca.batch.outline import Outline
from meshlens.pca.batch.packing import pack_outline, pack_tally, unpack_outline, unpack_tally
from meshlens.pca.batch.rows import Observations, Rows
from meshlens.pca.batch.scores import load
from meshlens.pca.batch.source import Source
from meshlens.pca.batch.sums import check_same
from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.plot import draw, find_panel
from meshlens.pca.drawing.scenes.plane import MOST_MARKS, Plane
from meshlens.pca.drawing.scenes.scene import Subject
from meshlens.pca.drawing.scenes.tally import Cells, Cloud, Tally
from meshlens.pca.methods import refuse_few_components
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.options import PictureOptions, parse_options
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]

_SIDES = ("left", "top", "width", "height")


@dataclass(frozen=True, slots=True)
class PartsPicture:
    """The picture of a table in parts.

    Attributes:
        model: of its observations.
        options: what is drawn, and how.
    """

    model: PcaModel
    options: PictureOptions

    @classmethod
    def of(cls, inputs: Fields, objects: Objects) -> Self:
        """Return the picture that the inputs of a stage describe, of the model among the objects.

        Raises:
            ObjectsFailed: the model is not there.
            InvalidOption: the model lacks a component that is to be drawn.
        """
        options = parse_options(PictureOptions, inputs["picture"])
        found = cls(load(objects, inputs["model"]), options)
        refuse_few_components(len(found.model.components))
        found._arrange(found.model.mean[np.newaxis])
        return found

    def find_points(self, source: Source, part: Fields, rows: Rows, go_on: GoOn) -> bytes:
        """Return the outline of a part, as bytes.

        Raises:
            PartFailed: the part cannot be worked on.
        """
        outline = Outline.empty(whole=self.model.n <= MOST_MARKS)
        start, count = (part.get("rows") or (0,))[0], 0
        for observations, plane in self._read(source, part, rows, go_on):
            numbers = observations.numbers - start
            outline = outline.add(numbers, plane.points, plane.distances(), rows=0)
            count += len(plane.points)
        return pack_outline(replace(outline, rows=count + rows.dropped))

    def count_points(
        self, source: Source, part: Fields, rows: Rows, panel: Panel, go_on: GoOn
    ) -> bytes:
        """Return the tally of a part in the cells of a panel, as bytes.

        Raises:
            PartFailed: the part cannot be worked on.
        """
        cells = Cells.of(panel)
        nothing = np.zeros(0, dtype=np.intp)
        tally = Tally.of(np.zeros((0, 2)), nothing, 1, cells)
        for _, plane in self._read(source, part, rows, go_on):
            codes = np.zeros(len(plane.points), dtype=np.intp)
            tally = tally.merge(Tally.of(panel.to_pixels(plane.points), codes, 1, cells))
        return pack_tally(tally)

    def find_panel(self, piece: bytes, reading: Reading, dropped: int) -> Panel | None:
        """Return the panel in whose cells the points are counted; None if all are in the outline.

        Args:
            piece: the outline of the table, as bytes.
            reading: of the table.
            dropped: how many observations were left out because numbers are missing.
        """
        outline = unpack_outline(piece)
        if outline.whole:
            return None
        cloud = Cloud(outline.points, self.model.n)
        table = self._describe(outline, reading, dropped)
        return find_panel(table, self.model, self.options, cloud)

    def draw(
        self, outline: bytes, tally: bytes | None, reading: Reading, read: ReadPartsAnswer
    ) -> bytes:
        """Return the picture as SVG.

        Args:
            outline: of the table, as bytes.
            tally: of the table, as bytes; None if all points are in the outline.
            reading: of the table.
            read: what answers say of it.

        Raises:
            InputChanged: there are more or fewer observations than the model was fitted to.
        """
        known, counted = unpack_outline(outline), None if tally is None else unpack_tally(tally)
        check_same(len(known.points) if counted is None else counted.n, self.model.n)
        table = self._describe(known, reading, read["dropped"])
        cloud = Cloud(known.points, self.model.n, counted)
        picture = draw(table, self.model, self.options, cloud=cloud)
        return encode_parts_picture(picture.svg, self.model, read)

    def _read(
        self, source: Source, part: Fields, rows: Rows, go_on: GoOn
    ) -> Iterator[tuple[Observations, Plane]]:
        """Yield the observations of a part, and where they are in the plane."""
        for observations in rows.select(source.read(part), part, go_on):
            yield observations, self._arrange(observations.values)

    def _arrange(self, values: Array) -> Plane:
        plane: Plane = KINDS[self.options.kind].arrange(
            Subject(Table(values), self.model, self.options)
        )
        return plane

    def _describe(self, outline: Outline, reading: Reading, dropped: int) -> Table:
        """Return a table that says how it was read, without its observations."""
        nothing = np.zeros((0, len(self.model.names)))
        numbers = tuple(outline.numbers.tolist())
        return Table(nothing, dropped=dropped, numbers=numbers, reading=reading)


def merge_points(pieces: Sequence[bytes]) -> bytes:
    """Return the outline of neighbouring parts as that of one."""
    return pack_outline(reduce(Outline.merge, map(unpack_outline, pieces)))


def merge_counts(pieces: Sequence[bytes]) -> bytes:
    """Return the tally of neighbouring parts as that of one."""
    return pack_tally(reduce(Tally.merge, map(unpack_tally, pieces)))


def describe_panel(panel: Panel) -> Fields:
    """Return a panel as JSON."""
    sides = {name: getattr(panel, name) for name in _SIDES}
    return {**sides, "low": panel.low.tolist(), "high": panel.high.tolist()}


def read_panel(fields: Fields) -> Panel:
    """Return the panel that `describe_panel` has described."""
    sides = {name: fields[name] for name in _SIDES}
    return Panel(**sides, low=np.array(fields["low"]), high=np.array(fields["high"]))
