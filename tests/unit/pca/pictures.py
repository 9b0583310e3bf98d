"""What a reader of an SVG finds in it, in pixels; `to_data` undoes the drawing."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.layout.text_width import measure
from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.scenes.plane import Plane
from meshlens.pca.drawing.scenes.scene import Subject
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import PcaModel, fit
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = r"-?\d+(?:\.\d+)?"


class Picture:
    """An SVG, read again."""

    def __init__(self, svg: bytes) -> None:
        self.svg = svg
        self.root = ET.fromstring(svg)  # noqa: S314 - our own output
        halos = {id(text) for copy in self.groups("under") for text in copy}
        self.texts = [
            "".join(text.itertext())
            for text in self.root.iter(f"{SVG}text")
            if id(text) not in halos
        ]

    def groups(self, class_: str) -> list[ET.Element]:
        """Groups that have all classes of `class_`."""
        return [
            group
            for group in self.root.iter(f"{SVG}g")
            if set(class_.split()) <= set(group.attrib.get("class", "").split())
        ]

    def places(self, class_: str = "points") -> Array:
        """Places (n, 2) of the marks of points, whatever their shape, in their order."""
        found = []
        for group in self.groups(class_):
            for mark in group:
                if "cx" in mark.attrib:
                    found.append([float(mark.attrib["cx"]), float(mark.attrib["cy"])])
                else:
                    start = re.match(f"M({NUMBER}) ({NUMBER})", mark.attrib["d"])
                    assert start
                    found.append([float(start[1]), float(start[2])])
        return np.array(found)

    def arrows(self, class_: str) -> Array:
        """Tails and tips (m, 2, 2) of the arrows of a class."""
        found = []
        for group in self.root.findall(f"{SVG}g"):
            if not set(class_.split()) <= set(group.attrib.get("class", "").split()):
                continue
            path = group.find(f"{SVG}path[@class='line']")
            if path is not None and group.find(f"{SVG}path[@class='halo']") is not None:
                line, head = re.findall(f"M({NUMBER}) ({NUMBER})", path.attrib["d"])
                found.append([list(map(float, line)), list(map(float, head))])
        return np.array(found)

    def boxes(self, *classes: str) -> Array:
        """Left, top, right and bottom (m, 4) of the words of some classes."""
        found = []
        for text in self.root.iter(f"{SVG}text"):
            if set(classes) & set(text.attrib.get("class", "").split()):
                x, y = float(text.attrib["x"]), float(text.attrib["y"])
                class_ = text.attrib["class"].split()
                size = 12 if "name" in class_ else 9.5 if "fine" in class_ else 11
                content = "".join(text.itertext())
                width = measure(content, font_size=size, bold="name" in class_)
                found.append([x, y - 10, x + width, y + 3])
        return np.array(found).reshape(-1, 4)

    def mean(self) -> Array:
        (mean,) = self.root.findall(f"{SVG}circle[@class='mean']")
        return np.array([float(mean.attrib["cx"]), float(mean.attrib["cy"])])

    def caption(self) -> str:
        """The words at the foot."""
        lines = self.root.findall(f"{SVG}text[@class='quiet caption']")
        return " ".join("".join(line.itertext()) for line in lines)

    def to_data(self, pixels: Array, points: Array) -> Array:
        """Bring pixels back to data units, by the marks of `points`."""
        places = self.places()
        unit = np.ptp(points, axis=0).max() / np.ptp(places, axis=0).max()
        data: Array = (pixels - places[0]) * [unit, -unit] + points[0]
        return data


def picture(
    table: Table | Array,
    *,
    standardize: bool = False,
    kept: int | None = None,
    **style: Any,  # noqa: ANN401 - any choice
) -> Picture:
    """Draw a table by its own fit."""
    table = table if isinstance(table, Table) else Table(table)
    model = fit(table.values, names=table.names, standardize=standardize)
    return Picture(draw(table, model, Style(**style), kept=kept).svg)


def arrange(values: Array, model: PcaModel, style: Style) -> Plane:
    """Return what a picture of a plane shows, in data units."""
    scene = KINDS[style.kind].arrange(Subject(Table(values), model, style))
    assert isinstance(scene, Plane)
    return scene
