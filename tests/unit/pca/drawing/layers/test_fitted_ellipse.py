"""New observations stand before the region of those of the fit."""

import re

import numpy as np
import pytest
from scipy import stats
from unit.pca.pictures import SVG, Picture

from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.style import KindName, Style
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Table

XY, RADII = ("cx", "cy"), ("rx", "ry")
VALUES = np.random.default_rng(0).normal(size=(40, 3)) * [3, 2, 1] + [5, -7, 1]


@pytest.mark.parametrize("kind", ["scores", "biplot"])
def test_the_region_is_that_of_t_squared_of_a_new_observation(kind: KindName) -> None:
    model = fit(VALUES)
    new = np.random.default_rng(1).normal(size=(500, 3)) * [3, 2, 1] + [5, -7, 1]
    drawn = Picture(draw(Table(new), model, Style(kind=kind, aspect="free"), new=True).svg)
    assert "95 % of the fit" in drawn.texts
    (ellipse,) = drawn.root.findall(f"{SVG}ellipse[@class='ellipse ink model']")
    centre, radii = ([float(ellipse.attrib[name]) for name in pair] for pair in (XY, RADII))
    found = re.match(r"rotate\((-?[\d.]+)", ellipse.attrib["transform"])
    assert found
    turn = np.exp(-1j * np.radians(float(found[1])))
    away = (drawn.places("points new") - centre) @ [1, 1j] * turn
    n = model.n
    limit = 2 * (n * n - 1) / (n * (n - 2)) * stats.f.ppf(0.95, 2, n - 2)
    t2 = (np.square(project(model, new)[:, :2]) / model.explained_variance[:2]).sum(axis=1)
    reach = np.square(away.real / radii[0]) + np.square(away.imag / radii[1])
    np.testing.assert_allclose(reach, t2 / limit, atol=0.02)


def test_own_observations_have_none() -> None:
    drawn = Picture(draw(Table(VALUES), fit(VALUES), Style()).svg)
    assert not drawn.root.findall(f"{SVG}ellipse[@class='ellipse ink model']")


def test_a_flat_fit_has_none() -> None:
    line = np.outer(np.arange(9.0), [1.0, 2.0])
    drawn = Picture(draw(Table(line), fit(line), Style(), new=True).svg)
    assert "95 % of the fit" not in drawn.texts
