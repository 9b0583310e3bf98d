"""Numbers along the edges stand at their places."""

import numpy as np
import pytest
from unit.pca.pictures import SVG, picture

SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


@pytest.mark.parametrize(("class_", "axis", "place"), [("middle", 0, "x"), ("end", 1, "y")])
def test_ticks_stand_where_their_numbers_are(class_: str, axis: int, place: str) -> None:
    drawn = picture(SMALL)
    (ticks,) = drawn.groups(f"ticks {class_}")
    numbers = [float(tick.text or "") for tick in ticks]
    pixels = np.array([float(tick.attrib[place]) - (4 if axis else 0) for tick in ticks])
    # The other coordinate does not matter.
    points = drawn.to_data(np.column_stack([pixels, pixels]), SMALL)
    np.testing.assert_allclose(points[:, axis], numbers, atol=0.02)


def test_lines_at_zero_are_stressed_where_they_are_the_axes_of_the_picture() -> None:
    assert picture(SMALL, components=(1, 2)).root.findall(f"{SVG}path[@class='zero']")
    assert not picture(SMALL).root.findall(f"{SVG}path[@class='zero']")
    assert not picture(SMALL, kind="scree").root.findall(f"{SVG}path[@class='zero']")
