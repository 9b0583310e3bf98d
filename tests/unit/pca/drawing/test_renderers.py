"""Programs other than browsers show every word: most know neither `paint-order` nor `@media`."""

import io
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import TypeAlias
from xml.etree import ElementTree as ET

import cairosvg
import numpy as np
import numpy.typing as npt
import pytest
from installed import need
from PIL import Image
from unit.pca.drawing.test_plot import CITIES, CROSS, TOWNS
from unit.pca.pictures import NUMBER, SVG, picture

from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.layout.text_width import measure
from meshlens.pca.drawing.style import Theme

Pixels: TypeAlias = npt.NDArray[np.int16]
Render: TypeAlias = Callable[[bytes], bytes]

_LEAST_INK = 0.03  # of the box of a word, as pixels that its glyphs change
_LEAST_CONTRAST = 70  # of 255 in some channel


def render_with_cairosvg(svg: bytes) -> bytes:
    image: bytes = cairosvg.svg2png(bytestring=svg)
    return image


def render_with_rsvg(svg: bytes) -> bytes:
    program = need("rsvg-convert", "apt-get install librsvg2-bin")
    return subprocess.run([program], input=svg, capture_output=True, check=True).stdout


def read_pixels(image: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), dtype=np.int16)


def find_words(root: ET.Element) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Yield each word that is no halo, and its box: left, top, right, bottom."""

    def walk(node: ET.Element, x: float, y: float, class_: str) -> Iterator[ET.Element]:
        found = re.match(rf"translate\(({NUMBER}) ({NUMBER})\)", node.get("transform", ""))
        x, y = (x + float(found[1]), y + float(found[2])) if found else (x, y)
        class_ = f"{class_} {node.get('class', '')}"
        if "under" in class_.split():
            return
        if node.tag == f"{SVG}text":
            node.set("at", f"{x} {y} {class_}")
            yield node
        for child in node:
            yield from walk(child, x, y, class_)

    for word in walk(root, 0.0, 0.0, ""):
        right, down, *classes = word.get("at", "").split()
        x, y = float(right) + float(word.get("x", 0)), float(down) + float(word.get("y", 0))
        size = float(word.get("font-size", "12px").removesuffix("px"))
        content = "".join(word.itertext())
        width = measure(content, font_size=size)
        back = width / 2 if "middle" in classes else width if "end" in classes else 0.0
        if "rotate" in word.get("transform", ""):
            yield content, (x - size, y - width / 2, x + 3, y + width / 2)
        else:
            yield content, (x - back, y - size, x - back + width, y + 3)


def remove_words(svg: bytes) -> bytes:
    return re.sub(rb'(<g class="under".*?</g>)|<text.*?</text>', rb"\1", svg)


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", ["auto", "dark"])
@pytest.mark.parametrize("kind", ["axes", *KINDS])
@pytest.mark.parametrize("render", [render_with_cairosvg, render_with_rsvg])
def test_every_word_is_readable(render: Render, kind: str, theme: Theme) -> None:
    drawn = (
        picture(CROSS, ellipse="t", label=3, theme=theme)
        if kind == "axes"
        else picture(TOWNS if kind == "pairs" else CITIES, kind=kind, theme=theme)
    )
    with_words, without = (read_pixels(render(svg)) for svg in (drawn.svg, remove_words(drawn.svg)))
    changed = np.abs(with_words - without).max(axis=2)
    words = [*find_words(drawn.root)]
    assert len(words) == len(drawn.texts) > 10
    for content, (left, top, right, bottom) in words:
        box = changed[round(top) : round(bottom), max(0, round(left)) : round(right)]
        assert (box > _LEAST_CONTRAST).mean() > _LEAST_INK, content


@pytest.mark.parametrize("kind", ["biplot", "scree"])
def test_programs_agree_on_what_is_where(kind: str) -> None:
    svg = remove_words(picture(CITIES, kind=kind, theme="light").svg)
    one, other = (read_pixels(render(svg)) for render in (render_with_cairosvg, render_with_rsvg))
    assert one.shape == other.shape
    # Edges are smoothed differently.
    assert (np.abs(one - other).max(axis=2) > 64).mean() < 0.01
