"""Loadings are those of the fit."""

import re

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_wine
from unit.pca.pictures import SVG, arrange, picture

from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

WINE: Array = load_wine().data


def test_arrows_of_loadings_are_the_loadings() -> None:
    model = fit(WINE, standardize=True)
    scene = arrange(WINE, model, Style(kind="loadings", arrows=5))
    assert scene.arrows is not None
    places = list(scene.arrows.places)
    np.testing.assert_array_equal(scene.arrows.tips, model.loadings[:2, places].T)
    rest = [place for place in range(13) if place not in places]
    np.testing.assert_array_equal(scene.points, model.loadings[:2, rest].T)
    assert scene.names == tuple(model.names[place] for place in rest)


def test_no_loading_of_standardized_variables_leaves_the_circle() -> None:
    model = fit(WINE, standardize=True)
    scene = arrange(WINE, model, Style(kind="loadings", arrows=100))
    assert scene.arrows is not None
    lengths = np.hypot(*scene.arrows.tips.T)
    assert lengths.max() <= scene.circle
    deviations = ((WINE - model.mean) / model.scale).std(axis=0, ddof=1)
    np.testing.assert_allclose(scene.circle, deviations)
    assert arrange(WINE, fit(WINE), Style(kind="loadings")).circle == 0


def test_variables_in_a_picture_of_loadings_have_their_names() -> None:
    names = tuple(f"v{number}" for number in range(40))
    table = Table(np.random.default_rng(0).normal(size=(50, 40)), names)
    drawn = picture(table, kind="loadings")
    (marks,) = drawn.groups("points")
    titles = [re.sub(":.*", "", mark[0].text or "") for mark in marks]
    arrows = {text for text in drawn.texts if re.fullmatch(r"v\d+", text)}
    assert len(titles) == 28
    assert not arrows & set(titles)


def test_more_variables_than_have_a_mark_each_are_drawn_as_cells() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(3, 3100)), kind="loadings")
    assert drawn.root.findall(f"{SVG}path[@class='dots all']")
    assert "Shaded cells" in drawn.caption()
