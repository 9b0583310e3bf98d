"""Biplots are R's."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris, load_wine
from unit.pca.pictures import arrange, picture

from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.numbers.scaling import Divisor

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


@pytest.mark.parametrize(
    ("standardize", "divisor", "as_r"),
    [
        (False, Divisor.SCIKIT_LEARN, True),
        (True, Divisor.SCIKIT_LEARN, False),
        (True, Divisor.ONE_LESS, True),
        (False, Divisor.N, False),
    ],
)
def test_a_biplot_says_that_it_is_r_s_only_with_r_s_divisors(
    divisor: Divisor, *, standardize: bool, as_r: bool
) -> None:
    model = fit(IRIS, standardize=standardize, divisor=divisor)
    said = arrange(IRIS, model, Style(kind="biplot")).definition
    assert (", as R's biplot.prcomp" in said) == as_r
    assert ("divisor=n-1" in said) != as_r
