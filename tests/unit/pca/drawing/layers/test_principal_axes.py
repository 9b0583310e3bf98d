"""Principal axes are those of the fit."""

import numpy as np
from unit.pca.pictures import picture

from meshlens.pca.numbers.decomposition import fit

SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


def test_axes_cross_at_the_mean_and_reach_two_standard_deviations() -> None:
    model = fit(SMALL)
    drawn = picture(SMALL)
    np.testing.assert_allclose(drawn.to_data(drawn.mean(), SMALL), model.mean, atol=0.01)
    for number in (1, 2):
        ((tail, tip),) = drawn.to_data(drawn.arrows(f"axis pc{number}"), SMALL)
        reach = 2 * np.sqrt(model.explained_variance[number - 1]) * model.components[number - 1]
        np.testing.assert_allclose(tip, model.mean + reach, atol=0.02)
        np.testing.assert_allclose(tail, model.mean - reach, atol=0.02)


def test_an_axis_without_variance_is_not_drawn() -> None:
    drawn = picture(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))
    assert len(drawn.arrows("axis pc1")) == 1
    assert len(drawn.arrows("axis pc2")) == 0
