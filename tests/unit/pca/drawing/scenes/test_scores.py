"""Scores are shown as they are; two variables are, too."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris
from unit.pca.pictures import picture

from meshlens.pca.drawing.plot import draw
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data
IRIS_NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


def test_standardized_variables_are_shown_in_standard_deviations() -> None:
    values = SMALL * [1000.0, 1.0]
    model = fit(values, standardize=True)
    drawn = picture(values, standardize=True)
    expected = (values - model.mean) / model.scale
    np.testing.assert_allclose(drawn.to_data(drawn.places(), expected), expected, atol=0.02)
    assert {"x1, standardized", "x2, standardized"} <= set(drawn.texts)


def test_more_than_two_variables_are_shown_by_raw_scores_and_loadings() -> None:
    model = fit(IRIS, names=IRIS_NAMES)
    drawn = picture(Table(IRIS, IRIS_NAMES))
    scores = project(model, IRIS)[:, :2]
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)
    tips = drawn.to_data(drawn.arrows("loading")[:, 1], scores)
    factor = tips[2, 0] / model.loadings[0, 2]
    np.testing.assert_allclose(tips, factor * model.loadings[:2].T, atol=0.03)
    assert {*IRIS_NAMES, "PC 1 (92.5 %)", "PC 2 (5.3 %)"} <= set(drawn.texts)
    assert f"loadings × {factor:.2g}" in {text[:14] for text in drawn.texts}  # noqa: RUF001 - a multiplication
    assert "Raw scores, not rescaled" in drawn.caption()


def test_any_two_components_can_be_drawn() -> None:
    scores = project(fit(IRIS), IRIS)[:, [2, 0]]
    drawn = picture(IRIS, components=(3, 1))
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)
    assert {"PC 3 (1.7 %)", "PC 1 (92.5 %)"} <= set(drawn.texts)


def test_two_variables_are_shown_by_their_scores_if_components_are_asked_for() -> None:
    scores = project(fit(SMALL), SMALL)
    drawn = picture(SMALL, components=(1, 2))
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)


@pytest.mark.parametrize("components", [(1, 1), (0, 1), (1, 5), (5, 1)])
def test_components_that_are_none_are_refused(components: tuple[int, int]) -> None:
    with pytest.raises(InvalidOption, match=r"two different numbers from 1 to 4, got \d,\d"):
        picture(IRIS, components=components)


def test_components_of_no_variance_can_be_drawn() -> None:
    line = np.outer(np.arange(20.0), [1.0, 2.0, 3.0])
    assert len(picture(line, components=(2, 3)).places()) == 20
    assert len(picture(line, components=(2, 3), kind="biplot", alpha=0.5).places()) == 20


def test_one_variable_cannot_be_drawn_but_in_a_scree_plot() -> None:
    values = SMALL[:, :1]
    with pytest.raises(InvalidTable, match=r"at least 2 variables, got 1, x1; .* kind=scree"):
        picture(values)
    assert "component" in picture(values, kind="scree").texts


def test_a_fit_of_one_component_has_no_plane() -> None:
    with pytest.raises(InvalidOption, match="at least 2 components, got 1"):
        draw(Table(IRIS), fit(IRIS, k=1))
