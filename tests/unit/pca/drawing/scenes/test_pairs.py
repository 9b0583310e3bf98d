"""Pairs show every two of several components."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from unit.pca.pictures import SVG, picture

from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Table

IRIS = load_iris().data
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)


def test_every_two_of_four_components_have_a_panel() -> None:
    drawn = picture(Table(IRIS, groups=SPECIES), kind="pairs")
    assert len(drawn.root.findall(f"{SVG}rect[@class='panel']")) == 6
    assert len(drawn.places()) == 6 * 150
    for number, share in enumerate(fit(IRIS).explained_variance_ratio, start=1):
        assert f"PC {number} ({100 * share:.1f} %)" in drawn.texts
    assert {"setosa", "versicolor", "virginica"} <= set(drawn.texts)


def test_the_components_that_are_named_are_shown() -> None:
    drawn = picture(IRIS, kind="pairs", components="4,1,2")
    assert len(drawn.root.findall(f"{SVG}rect[@class='panel']")) == 3
    scores = project(fit(IRIS), IRIS)
    first = drawn.places()[:150]
    assert np.corrcoef(first[:, 0], scores[:, 3])[0, 1] > 0.999
    assert np.corrcoef(first[:, 1], -scores[:, 0])[0, 1] > 0.999


def test_each_panel_has_its_ellipses() -> None:
    drawn = picture(Table(IRIS, groups=SPECIES), kind="pairs", ellipse="t")
    assert len(drawn.root.findall(f"{SVG}ellipse")) == 6 * 3


def test_ellipses_stay_within_their_panels() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(9, 3)), kind="pairs", ellipse="t")
    panels = drawn.root.findall(f"{SVG}rect[@class='panel']")
    for panel, ellipse in zip(panels, drawn.root.findall(f"{SVG}ellipse"), strict=True):
        left, top, width, height = (float(panel.attrib[n]) for n in ("x", "y", "width", "height"))
        x, y = float(ellipse.attrib["cx"]), float(ellipse.attrib["cy"])
        least = min(float(ellipse.attrib["rx"]), float(ellipse.attrib["ry"]))
        assert left <= x - least
        assert x + least <= left + width
        assert top <= y - least
        assert y + least <= top + height


def test_many_points_become_cells() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(2000, 3)), kind="pairs")
    assert len(drawn.places().reshape(-1, 2)) == 0
    assert drawn.groups("cells")


@pytest.mark.parametrize("components", ["1,2", "1,2,9", "1,1,2", "1,2,3,4,5,6,7"])
def test_other_components_are_refused(components: str) -> None:
    with pytest.raises(InvalidOption, match="3 to 6 different components from 1 to 4") as caught:
        picture(IRIS, kind="pairs", components=components)
    assert caught.value.option == "components"


def test_a_model_of_two_components_has_no_pairs() -> None:
    with pytest.raises(InvalidOption, match="kind=scores") as caught:
        picture(IRIS[:, :2], kind="pairs")
    assert caught.value.option == "kind"
