"""The circle is that of correlations of 1."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_wine
from unit.pca.pictures import SVG, picture

Array = npt.NDArray[np.float64]

WINE: Array = load_wine().data


def test_the_circle_is_around_zero_and_arrows_stay_within() -> None:
    drawn = picture(WINE, standardize=True, kind="loadings")
    (circle,) = drawn.root.findall(f"{SVG}ellipse[@class='guide']")
    x, y, rx, ry = (float(circle.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
    assert rx == ry
    arrows = drawn.arrows("loading")
    np.testing.assert_allclose(arrows[:, 0], np.tile([x, y], (len(arrows), 1)), atol=0.1)
    lengths = np.hypot(*(arrows[:, 1] - [x, y]).T)
    assert 0.8 * rx < lengths.max() <= rx + 0.1


@pytest.mark.parametrize("kind", ["loadings", "biplot"])
def test_variables_that_are_not_standardized_have_none(kind: str) -> None:
    drawn = picture(WINE, kind=kind)
    assert not drawn.root.findall(f"{SVG}ellipse[@class='guide']")
    assert "On the circle" not in drawn.caption()
