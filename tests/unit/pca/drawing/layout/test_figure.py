"""The panel takes what title, legend and caption leave."""

import pytest

from meshlens.pca.drawing.layout.figure import lay_out
from meshlens.pca.drawing.style import Style


@pytest.mark.parametrize("width", [320, 640])
def test_a_caption_of_any_length_leaves_the_panel_its_room(width: int) -> None:
    style = Style(width=width, height=320)
    short, long = (lay_out(style, "word " * count, ()) for count in (1, 1000))
    assert (len(short.caption), len(long.caption)) == (1, 5)
    assert long.height == short.height - 4 * 15


def test_the_legend_stands_below_a_narrow_panel() -> None:
    narrow, wide = (lay_out(Style(width=width), "", ()) for width in (559, 560))
    assert narrow.legend_rows is not None
    assert wide.legend_rows is None
    assert narrow.width > wide.width
