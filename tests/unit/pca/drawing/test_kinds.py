"""Biplots are R's, loadings are those of the fit, scree plots say how much is enough."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from meshlens.pca.drawing.scene import arrange
from meshlens.pca.drawing.scree import break_stick
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Table
from sklearn.datasets import load_iris, load_wine
from unit.pca.pictures import SVG, picture

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data
WINE: Array = load_wine().data
# princomp's own example in R's documentation of biplot.prcomp is the same data; here a small one.
ARRESTS = np.array(
    [
        [13.2, 236.0, 58.0, 21.2],
        [10.0, 263.0, 48.0, 44.5],
        [8.1, 294.0, 80.0, 31.0],
        [8.8, 190.0, 50.0, 19.5],
        [9.0, 276.0, 91.0, 40.6],
        [7.9, 204.0, 78.0, 38.7],
    ]
)


def biplot_of_r(values: Array, scale: float) -> tuple[Array, Array]:
    """R's stats:::biplot.prcomp(prcomp(values), scale = scale), line by line, up to signs."""
    centred = values - values.mean(axis=0)
    u, d, vt = np.linalg.svd(centred, full_matrices=False)
    x, sdev, rotation = u * d, d / np.sqrt(len(values) - 1), vt.T
    lam = sdev[:2] * np.sqrt(len(values))
    lam = lam**scale if scale != 0 else np.ones(2)
    return x[:, :2] / lam, rotation[:, :2] * lam


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("values", [ARRESTS, IRIS, WINE[:, :5]])
def test_a_biplot_has_the_coordinates_of_r(values: Array, alpha: float) -> None:
    model = fit(values)
    scene = arrange(values, model, Style(kind="biplot", alpha=alpha, arrows=100))
    points, arrows = biplot_of_r(values, alpha)
    assert scene.arrows is not None
    sign = np.sign((points * scene.points).sum(axis=0))
    np.testing.assert_allclose(scene.points, points * sign, atol=1e-9 * np.abs(points).max())
    np.testing.assert_allclose(
        scene.arrows.tips / scene.arrows.factor, arrows * sign, atol=1e-9 * np.abs(arrows).max()
    )


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_a_biplot_multiplies_to_the_best_plane_of_the_data(alpha: float) -> None:
    model = fit(IRIS)
    scene = arrange(IRIS, model, Style(kind="biplot", alpha=alpha))
    assert scene.arrows is not None
    plane = project(model, IRIS)[:, :2] @ model.components[:2]
    product = scene.points @ (scene.arrows.tips / scene.arrows.factor).T
    np.testing.assert_allclose(product, plane, atol=1e-9)


def test_a_biplot_says_by_which_definition_it_is_drawn() -> None:
    drawn = picture(IRIS, kind="biplot", alpha=0.5)
    assert "alpha = 0.5, as R's biplot.prcomp(scale = 0.5)" in drawn.caption()


def test_points_of_a_biplot_stand_at_its_coordinates() -> None:
    scene = arrange(IRIS, fit(IRIS), Style(kind="biplot"))
    drawn = picture(IRIS, kind="biplot")
    data = drawn.to_data(drawn.places(), scene.points)
    np.testing.assert_allclose(data, scene.points, atol=0.01 * np.ptp(scene.points))


@pytest.mark.parametrize("kind", ["scores", "biplot"])
def test_distances_in_the_plane_are_those_of_mahalanobis(kind: str) -> None:
    for values in (IRIS, IRIS[:, :2]):
        scene = arrange(values, fit(values), Style(kind=kind, alpha=0.7))  # type: ignore[arg-type]  # one of two kinds
        centred = scene.points - scene.points.mean(axis=0)
        inverse = np.linalg.inv(np.cov(centred.T))
        expected = np.einsum("ni,ij,nj->n", centred, inverse, centred)
        np.testing.assert_allclose(scene.distances(), expected, rtol=1e-9)


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


def test_bars_of_a_scree_plot_are_the_shares() -> None:
    model = fit(IRIS)
    drawn = picture(IRIS, kind="scree")
    bars = drawn.root.findall(f"{SVG}g/{SVG}rect[@class='bar']")
    heights = np.array([float(bar.attrib["height"]) for bar in bars if "rx" not in bar.attrib])
    ratio = model.explained_variance_ratio
    np.testing.assert_allclose(heights / heights.sum(), ratio, atol=0.001)
    titles = [title.text for title in drawn.root.iter(f"{SVG}title") if title.text]
    assert f"PC 2: {100 * ratio[1]:.2f} %" in titles
    assert f"PC 1 to 2: {100 * ratio[:2].sum():.2f} %" in titles


def test_a_scree_plot_marks_what_is_kept() -> None:
    drawn = picture(IRIS, kind="scree", kept=2)
    assert "kept, k = 2" in drawn.texts
    assert len(drawn.root.findall(f"{SVG}g/{SVG}rect[@class='bar left']")) == 2 + 1


def test_a_long_scree_plot_says_what_it_leaves_out() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(100, 60)), kind="scree")
    assert "The first 30 of 60 components are drawn." in drawn.caption()


def test_fewer_observations_than_variables_share_the_variance_among_fewer_components() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(5, 60)), kind="scree")
    assert "average, 25 %" in drawn.texts


def test_a_broken_stick_has_its_expected_pieces() -> None:
    np.testing.assert_allclose(break_stick(2), [75, 25])
    np.testing.assert_allclose(break_stick(4), [52.083333, 27.083333, 14.583333, 6.25], rtol=1e-6)
    cuts = np.sort(np.random.default_rng(0).random((100_000, 3)), axis=1)
    pieces = np.diff(np.pad(cuts, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))), axis=1)
    simulated = 100 * np.sort(pieces, axis=1)[:, ::-1].mean(axis=0)
    np.testing.assert_allclose(break_stick(4), simulated, atol=0.2)


def test_variables_in_a_picture_of_loadings_have_their_names() -> None:
    names = tuple(f"v{number}" for number in range(40))
    table = Table(np.random.default_rng(0).normal(size=(50, 40)), names)
    drawn = picture(table, kind="loadings")
    (marks,) = drawn.groups("points")
    titles = [re.sub(":.*", "", mark[0].text or "") for mark in marks]
    arrows = {text for text in drawn.texts if re.fullmatch(r"v\d+", text)}
    assert len(titles) == 28
    assert not arrows & set(titles)
