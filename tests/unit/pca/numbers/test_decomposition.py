"""The laws of principal components, and the numbers of scikit-learn."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from unit.pca.numbers.data import constant_column, normal, wine

from meshlens.pca.errors import InvalidOption, InvalidTable, NoVariance
from meshlens.pca.numbers.decomposition import PcaModel, fit, project, reconstruct

Array = npt.NDArray[np.float64]


def draw_normal(seed: int, n: int, p: int) -> Array:
    return np.random.default_rng(seed).normal(size=(n, p))


def make_constant_column() -> Array:
    values = draw_normal(5, 50, 4)
    values[:, 2] = 0.1
    return values


def load(name: str) -> Callable[[], Array]:
    def bundled() -> Array:
        values: Array = getattr(datasets, f"load_{name}")().data
        return values

    return bundled


DATA: Mapping[str, Callable[[], Array]] = {
    "iris": load("iris"),
    "wine": load("wine"),
    "breast cancer": load("breast_cancer"),
    "two columns": lambda: draw_normal(0, 50, 2),
    "one column": lambda: draw_normal(0, 50, 1),
    "two observations": lambda: draw_normal(1, 2, 3),
    "fewer observations than variables": lambda: draw_normal(2, 5, 20),
    "offset a billion times the spread": lambda: draw_normal(3, 200, 3) * [3, 2, 1] + 1e9,
    "every observation seven times": lambda: np.repeat(draw_normal(4, 5, 3), 7, axis=0),
    "a constant column": make_constant_column,
    "one column the sum of two": lambda: draw_normal(6, 50, 2) @ [[1, 0, 1], [0, 1, 1]],
    "scales from 1e-6 to 1e6": lambda: draw_normal(7, 50, 4) * [1e-6, 1, 1e3, 1e6],
    "few whole numbers": lambda: np.round(draw_normal(8, 60, 3)),
    "near the largest square": lambda: draw_normal(9, 20, 3) * 1e150,
    "near the smallest square": lambda: draw_normal(10, 20, 3) * 1e-150,
}


def conditioned_count(reference: Any) -> int:  # noqa: ANN401 - scikit-learn has no types
    """Components whose variance is not rounding only; the directions of others are arbitrary."""
    ratio = reference.explained_variance_ratio_
    return int((ratio > 1e-22).sum())


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", DATA)
def test_numbers_and_signs_are_those_of_scikit_learn(name: str, *, standardize: bool) -> None:
    values = DATA[name]()
    scaler = StandardScaler(with_std=standardize).fit(values)
    reference = PCA(svd_solver="full")
    scores = reference.fit_transform(scaler.transform(values) if standardize else values)
    model = fit(values, standardize=standardize)
    k = conditioned_count(reference)
    assert model.components.shape == reference.components_.shape
    np.testing.assert_allclose(
        model.explained_variance[:k], reference.explained_variance_[:k], rtol=1e-9
    )
    np.testing.assert_allclose(
        model.explained_variance_ratio[:k], reference.explained_variance_ratio_[:k], rtol=1e-9
    )
    np.testing.assert_allclose(
        model.components[:k], reference.components_[:k], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        model.mean, scaler.mean_, rtol=1e-9, atol=1e-12 * np.abs(values).max()
    )
    if standardize:
        np.testing.assert_allclose(model.scale, scaler.scale_, rtol=1e-9)
    # A mean of 1e9 is known to 1e-7, and the scores with it.
    spread = np.abs(scores).max()
    rounding = np.spacing(np.abs(model.mean / model.scale).max())
    np.testing.assert_allclose(
        project(model, values)[:, :k], scores[:, :k], rtol=0, atol=1e-9 * spread + 4 * rounding
    )


def test_two_standardized_variables_have_the_signs_of_scikit_learn_too() -> None:
    values = draw_normal(11, 40, 2) @ [[1, 0.5], [0, 1]]
    reference = PCA(svd_solver="full").fit(StandardScaler().fit_transform(values))
    model = fit(values, standardize=True)
    np.testing.assert_allclose(model.components, reference.components_, rtol=1e-9)


def test_an_offset_of_a_billion_changes_nothing_but_the_mean() -> None:
    whole = np.round(draw_normal(12, 100_000, 2) * 1000) @ [[2, 1], [0, 1]]
    near, far = fit(whole), fit(whole + 1e9)
    np.testing.assert_allclose(far.explained_variance, near.explained_variance, rtol=1e-12)
    np.testing.assert_allclose(far.components, near.components, rtol=1e-9)


tables = arrays(
    np.float64,
    st.tuples(st.integers(2, 12), st.integers(1, 5)),
    elements=st.integers(-1000, 1000).map(float),
)


def fit_varied(values: Array, *, standardize: bool = False) -> PcaModel:
    assume((values != values[0]).any())
    return fit(values, standardize=standardize)


def is_well_conditioned(model: PcaModel) -> bool:
    """Whether variances are far apart and no two entries compete for the sign of a component."""
    variance = np.append(model.explained_variance, 0.0)
    entries = np.sort(np.abs(model.components), axis=1)
    gap = entries[:, -1] - entries[:, -2] if entries.shape[1] > 1 else np.ones(1)
    return bool((-np.diff(variance) > 1e-3 * variance[0]).all() and (gap > 1e-3).all())


@given(tables, st.booleans())
def test_components_are_orthonormal(values: Array, standardize: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    model = fit_varied(values, standardize=standardize)
    gram = model.components @ model.components.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


@given(tables)
def test_variances_descend_and_are_shares_of_the_whole(values: Array) -> None:
    model = fit_varied(values)
    assert (np.diff(model.explained_variance) <= 0).all()
    assert (model.explained_variance >= 0).all()
    assert model.explained_variance_ratio.sum() == pytest.approx(1.0)
    assert model.explained_variance.sum() == pytest.approx(values.var(axis=0, ddof=1).sum())


@given(tables)
@example(np.array([[0.0, 0.0], [1.0, 1.0]]))
def test_the_largest_entry_of_a_component_is_positive(values: Array) -> None:
    components = fit_varied(values).components
    magnitude = np.abs(components)
    # Of entries that are as large but for rounding the first counts, as `fit` says.
    largest = (magnitude >= magnitude.max(axis=1, keepdims=True) * (1 - 1e-9)).argmax(axis=1)
    assert (components[np.arange(len(components)), largest] > 0).all()


@given(tables)
def test_scores_are_centred_uncorrelated_and_have_the_explained_variance(values: Array) -> None:
    model = fit_varied(values)
    scores = project(model, values)
    covariance = scores.T @ scores / (len(values) - 1)
    tolerance = 1e-12 * model.explained_variance[0]
    np.testing.assert_allclose(covariance, np.diag(model.explained_variance), atol=tolerance)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-12 * np.abs(values).max())


@given(tables, st.booleans())
def test_all_components_give_the_observations_back(values: Array, standardize: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    model = fit_varied(values, standardize=standardize)
    again = project(model, values) @ model.components * model.scale + model.mean
    np.testing.assert_allclose(again, values, atol=1e-9)


@given(tables, st.integers(-(2**20), 2**20))
def test_moving_all_observations_moves_the_mean_only(values: Array, offset: int) -> None:
    model = fit_varied(values)
    assume(is_well_conditioned(model))
    moved = fit(values + offset)
    np.testing.assert_allclose(moved.mean, model.mean + offset, atol=1e-6)
    np.testing.assert_allclose(moved.components, model.components, atol=1e-7)
    np.testing.assert_allclose(moved.explained_variance, model.explained_variance, rtol=1e-7)


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_matter(values: Array, random: Any) -> None:  # noqa: ANN401 - hypothesis has its own class
    model = fit_varied(values)
    assume(is_well_conditioned(model))
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = fit(values[order])
    np.testing.assert_allclose(shuffled.components, model.components, atol=1e-9)
    np.testing.assert_allclose(shuffled.explained_variance, model.explained_variance, rtol=1e-9)


@given(tables)
def test_standardizing_forgets_units(values: Array) -> None:
    model = fit_varied(values, standardize=True)
    units = 2.0 ** np.arange(values.shape[1])
    scaled = fit(values * units, standardize=True)
    np.testing.assert_array_equal(scaled.components, model.components)
    np.testing.assert_array_equal(
        scaled.scale[scaled.scale != 1], (model.scale * units)[scaled.scale != 1]
    )


@given(tables)
def test_k_keeps_the_first_components(values: Array) -> None:
    model = fit_varied(values)
    first = fit(values, k=1)
    np.testing.assert_array_equal(first.components, model.components[:1])
    np.testing.assert_array_equal(first.explained_variance, model.explained_variance[:1])
    np.testing.assert_array_equal(
        first.explained_variance_ratio, model.explained_variance_ratio[:1]
    )
    np.testing.assert_array_equal(project(first, values).shape, (len(values), 1))


def test_loadings_are_covariances_with_the_standardized_scores() -> None:
    values = draw_normal(13, 30, 3)
    model = fit(values)
    scores = project(model, values)
    unit = scores / scores.std(axis=0, ddof=1)
    expected = unit.T @ (values - model.mean) / (len(values) - 1)
    np.testing.assert_allclose(model.loadings, expected, atol=1e-12)


def test_the_input_is_left_as_it_was() -> None:
    values = draw_normal(14, 10, 3)
    before = values.copy()
    project(fit(values, standardize=True), values)
    np.testing.assert_array_equal(values, before)


def test_a_constant_column_has_no_part_and_no_scale() -> None:
    model = fit(make_constant_column(), standardize=True)
    assert model.mean[2] == 0.1
    assert model.scale[2] == 1.0
    assert (np.abs(model.components[:3, 2]) < 1e-15).all()


def test_variables_without_names_are_numbered() -> None:
    assert fit(draw_normal(15, 5, 3)).names == ("x1", "x2", "x3")
    assert fit(draw_normal(15, 5, 2), names=["a", "b"]).names == ("a", "b")


def test_one_observation_has_no_components() -> None:
    with pytest.raises(NoVariance, match="at least 2 observations, got 1 of 2 variables"):
        fit(np.array([[1.0, 2.0]]))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9, -3e300])
def test_equal_observations_have_no_components(value: float) -> None:
    with pytest.raises(NoVariance, match="150 equal observations"):
        fit(np.full((150, 2), value))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("spread", [1e200, 1.7e308])
def test_a_variance_beyond_a_double_is_refused(spread: float, *, standardize: bool) -> None:
    with pytest.raises(NoVariance, match="overflow"):
        fit(np.array([[spread, 1.0], [-spread, 2.0], [0.0, 3.0]]), standardize=standardize)


def test_a_variance_that_vanishes_in_a_double_is_refused() -> None:
    with pytest.raises(NoVariance, match="vanish"):
        fit(np.array([[1e-200, 0.0], [-1e-200, 0.0]]))


@pytest.mark.parametrize("k", [-1, 0, 3])
def test_k_beyond_what_there_is_is_refused(k: int) -> None:
    with pytest.raises(InvalidOption, match=rf"between 1 and 2 .* got {k};"):
        fit(draw_normal(16, 9, 2), k=k)


def test_observations_of_other_variables_are_not_projected() -> None:
    with pytest.raises(InvalidTable, match="3 variables of the fit, got 2"):
        project(fit(draw_normal(17, 9, 3)), draw_normal(18, 9, 2))


def test_contributions_and_cos2_of_variables_follow_from_correlations() -> None:
    model, values, scores = wine(3)
    correlations = np.corrcoef(scores.T, values.T)[:3, 3:]
    np.testing.assert_allclose(model.cos2, correlations**2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.contributions.sum(axis=1), 1, rtol=1e-12)
    assert fit(constant_column(40)).cos2[:, 1].tolist() == [0, 0, 0, 0]


def test_a_fit_knows_points_of_its_own_dimension_only() -> None:
    with pytest.raises(InvalidTable, match="2 components of the fit, got 3"):
        reconstruct(fit(normal(16, 9, 2)), normal(17, 9, 3))
