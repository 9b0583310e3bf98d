"""Which solver is chosen, and that each finds the same."""

import numpy as np
import pytest
from unit.pca.numbers.data import Array, correlated, decaying, normal

from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.numbers.diagnostics import find_limits
from meshlens.pca.numbers.scaling import Scaling


@pytest.mark.slow
def test_the_solver_is_chosen_by_shape_and_conditioning() -> None:
    assert fit(normal(0, 150, 4)).solver == "svd"
    assert fit(normal(0, 5000, 4)).solver == "covariance"
    assert fit(normal(0, 5000, 2) @ [[1, 1], [0, 1e-3]]).solver == "svd"
    assert fit(normal(0, 40, 500)).solver == "svd"
    assert fit(normal(0, 40, 500), k=5).solver == "gram"
    assert fit(normal(0, 40, 500), k=40).solver == "svd"
    assert fit(decaying(0, 1200, 1100), k=5).solver == "randomized"


@pytest.mark.parametrize("small", [1e-3, 1e-5, 1e-7])
def test_a_small_variance_beside_a_large_one_keeps_its_digits(small: float) -> None:
    values = np.linalg.qr(normal(1, 20_000, 2) - normal(1, 20_000, 2).mean(axis=0))[0]
    values = (values * [1, small]) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    model = fit(values)
    ratio = model.explained_variance[1] / model.explained_variance[0]
    assert ratio == pytest.approx(small**2, rel=1e-8)
    np.testing.assert_allclose(np.abs(model.components[0]), [0.6, 0.8], rtol=1e-12)


@pytest.mark.parametrize("scaling", Scaling)
def test_the_first_components_of_a_wide_table_are_those_of_all(scaling: Scaling) -> None:
    values = correlated(2, 12, 800) + 7
    some, all_ = fit(values, k=6, scaling=scaling), fit(values, scaling=scaling)
    assert (some.solver, all_.solver) == ("gram", "svd")
    np.testing.assert_allclose(some.components, all_.components[:6], atol=1e-10)
    for name in ("explained_variance", "explained_variance_ratio"):
        np.testing.assert_allclose(getattr(some, name), getattr(all_, name)[:6], rtol=1e-11)
    assert some.residual == pytest.approx(fit_svd(values, scaling), rel=1e-9)


def fit_svd(values: Array, scaling: Scaling) -> tuple[float, ...]:
    """Return the sums of powers of the variances beyond the sixth, by all components."""
    rest = fit(values, scaling=scaling).explained_variance[6:]
    rest = rest[rest > 1e-20]
    return tuple(float((rest**power).sum()) for power in (1, 2, 3))


@pytest.mark.slow
def test_randomized_components_are_the_first_of_all() -> None:
    values = decaying(3, 1300, 1200)
    some, all_ = fit(values, k=4), fit(values)
    assert some.solver == "randomized"
    np.testing.assert_allclose(some.components, all_.components[:4], atol=1e-9)
    for name in ("explained_variance", "explained_variance_ratio"):
        np.testing.assert_allclose(getattr(some, name), getattr(all_, name)[:4], rtol=1e-9)
    np.testing.assert_array_equal(fit(values, k=4).components, some.components)
    limits = find_limits(some, confidence=0.95)
    assert limits.t2 is not None
    assert limits.spe is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "solver"),
    [
        (normal(7, 1300, 1010), "covariance"),
        (normal(8, 1010, 1300), "gram"),
        (normal(9, 1100, 3) @ normal(10, 3, 1020), "svd"),
    ],
    ids=["noise", "noise, wide", "of rank three"],
)
def test_where_a_few_would_not_be_exact_all_are_found(values: Array, solver: str) -> None:
    some = fit(values, k=5)
    assert some.solver == solver
    singular = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)
    expected = singular[:5] ** 2 / (len(values) - 1)
    kept = expected > 1e-20 * expected[0]
    np.testing.assert_allclose(some.explained_variance[kept], expected[kept], rtol=1e-10)
    np.testing.assert_allclose(some.components @ some.components.T, np.eye(5), atol=1e-10)
    assert some.residual is not None


def test_the_order_of_a_hundred_thousand_rows_flips_no_sign() -> None:
    values = normal(4, 100_000, 2) @ [[1, 0.3], [0, 1]]
    for standardize in (False, True):
        model = fit(values, standardize=standardize)
        for seed in range(5):
            order = np.random.default_rng(seed).permutation(len(values))
            shuffled = fit(values[order], standardize=standardize)
            np.testing.assert_allclose(shuffled.components, model.components, rtol=1e-9)
