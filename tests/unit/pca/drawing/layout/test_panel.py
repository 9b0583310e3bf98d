"""A panel shows data units as they are, or fills itself with them."""

import numpy as np
import pytest
from unit.pca.pictures import picture


def test_one_unit_is_as_long_on_either_axis() -> None:
    wide = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]])
    width, height = np.ptp(picture(wide).places(), axis=0)
    assert width / height == pytest.approx(10, rel=0.01)


def test_free_axes_fill_the_panel() -> None:
    wide = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]])
    equal, free = (np.ptp(picture(wide, aspect=a).places(), axis=0) for a in ("equal", "free"))
    assert free[1] > 3 * equal[1]


def test_free_axes_do_not_make_a_cloud_of_rounding() -> None:
    line = np.column_stack([np.arange(20.0), 2 * np.arange(20.0)])
    places = picture(line, aspect="free", components=(1, 2)).places()
    assert np.ptp(places[:, 1]) <= 0.1
