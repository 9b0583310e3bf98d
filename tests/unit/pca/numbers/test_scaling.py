"""Scales, divisors and logarithms: their definitions, and the programs that share them."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from unit.pca.numbers.data import correlated, normal

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import fit, project, reconstruct
from meshlens.pca.numbers.diagnostics import diagnose
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling, take_log, undo_log

Array = npt.NDArray[np.float64]

WINE: Array = load_wine().data


def point(row: int, column: int) -> Place:
    return Place(row=row + 1, column=column + 1)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (Scaling.NONE, np.ones(13)),
        (Scaling.STANDARD, WINE.std(axis=0)),
        (Scaling.PARETO, np.sqrt(WINE.std(axis=0, ddof=1))),
        (Scaling.RANGE, np.ptp(WINE, axis=0)),
        (Scaling.VECTOR, np.linalg.norm(WINE - WINE.mean(axis=0), axis=0)),
    ],
)
def test_each_scale_is_what_its_definition_says(scaling: Scaling, expected: Array) -> None:
    model = fit(WINE, scaling=scaling)
    np.testing.assert_allclose(model.scale, expected, rtol=1e-12)
    reference = PCA(svd_solver="full").fit((WINE - WINE.mean(axis=0)) / expected)
    np.testing.assert_allclose(model.components, reference.components_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.explained_variance, reference.explained_variance_, rtol=1e-9)
    assert model.scaling is scaling
    np.testing.assert_allclose(reconstruct(model, project(model, WINE)), WINE, rtol=1e-9)


@pytest.mark.parametrize(
    ("divisor", "of_scale", "of_variance"),
    [(Divisor.SCIKIT_LEARN, 0, 1), (Divisor.ONE_LESS, 1, 1), (Divisor.N, 0, 0)],
)
def test_the_divisor_is_n_or_one_less(divisor: Divisor, of_scale: int, of_variance: int) -> None:
    model = fit(WINE, scaling=Scaling.STANDARD, divisor=divisor)
    np.testing.assert_allclose(model.scale, WINE.std(axis=0, ddof=of_scale), rtol=1e-12)
    scores = project(model, WINE)
    np.testing.assert_allclose(
        model.explained_variance, scores.var(axis=0, ddof=of_variance), rtol=1e-9
    )
    # As prcomp and FactoMineR, whose eigenvalues of standardized variables are those of their
    # correlations, and sum to p.
    if of_scale == of_variance:
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(WINE.T))[::-1]
        np.testing.assert_allclose(model.explained_variance, eigenvalues, rtol=1e-9)
    raw = fit(WINE, divisor=divisor)
    np.testing.assert_allclose(
        raw.explained_variance.sum(), WINE.var(axis=0, ddof=of_variance).sum(), rtol=1e-12
    )


@pytest.mark.parametrize("divisor", Divisor)
def test_what_is_an_outlier_does_not_depend_on_the_divisor(divisor: Divisor) -> None:
    usual = fit(WINE, k=4, scaling=Scaling.STANDARD)
    other = fit(WINE, k=4, scaling=Scaling.STANDARD, divisor=divisor)
    expected, found = (diagnose(model, WINE, project(model, WINE)) for model in (usual, other))
    np.testing.assert_allclose(found.t2, expected.t2, rtol=1e-9)
    np.testing.assert_allclose(found.contributions, expected.contributions, rtol=1e-9)
    np.testing.assert_array_equal(found.outliers, expected.outliers)
    assert found.limits.t2 == expected.limits.t2
    factor = np.square(usual.scale[0] / other.scale[0])
    np.testing.assert_allclose(found.spe, factor * expected.spe, rtol=1e-9)
    assert found.limits.spe == pytest.approx(factor * (expected.limits.spe or 0), rel=1e-9)


@pytest.mark.parametrize("scaling", Scaling)
@pytest.mark.parametrize("divisor", Divisor)
@pytest.mark.parametrize("shape", [(30, 4), (6, 9), (3000, 3)])
def test_correlations_are_those_of_scores_and_variables(
    scaling: Scaling, divisor: Divisor, shape: tuple[int, int]
) -> None:
    values = correlated(3, *shape) * np.geomspace(0.1, 10, shape[1])
    model = fit(values, k=2, scaling=scaling, divisor=divisor)
    scores = project(model, values)
    expected = np.corrcoef(scores.T, values.T)[:2, 2:]
    np.testing.assert_allclose(model.correlations, expected, atol=1e-12)
    np.testing.assert_allclose(np.square(model.correlations), model.cos2, atol=1e-12)


def test_no_correlation_is_beyond_the_unit_circle() -> None:
    values = np.column_stack([np.arange(7.0), 3 * np.arange(7.0), np.full(7, 0.1)])
    model = fit(values, scaling=Scaling.STANDARD)
    assert (np.abs(model.correlations) <= 1.0).all()
    np.testing.assert_allclose(model.correlations[0], [1, 1, 0])


def rounded_constant(n: int, offset: float) -> Array:
    """Return two variables, and one of numbers that are equal but for rounding."""
    return np.insert(normal(n, n, 2), 1, np.where(np.arange(n) % 3, 0.3, 0.1 + 0.2) + offset, 1)


@pytest.mark.parametrize("offset", [0.0, 1.0, -5e7])
@pytest.mark.parametrize("n", [5, 40, 2000])
def test_a_variable_constant_but_for_rounding_is_left_as_scikit_learn_leaves_it(
    n: int, offset: float
) -> None:
    values = rounded_constant(n, offset)
    scaler = StandardScaler().fit(values)
    assert scaler.scale_[1] == 1.0
    model = fit(values, names=["a", "b", "c"], standardize=True)
    np.testing.assert_allclose(model.scale, scaler.scale_, rtol=1e-12)
    assert model.constant == ("b",)
    reference = PCA(svd_solver="full").fit(scaler.transform(values))
    np.testing.assert_allclose(
        model.explained_variance_ratio, reference.explained_variance_ratio_, atol=1e-12
    )


@given(
    st.integers(2, 300),
    st.floats(-15, 0).map(lambda power: float(10**power)),
    st.sampled_from([0.0, 1.0, 1e3, -1e8]),
)
def test_what_is_constant_is_decided_as_by_scikit_learn(n: int, spread: float, mean: float) -> None:
    values = np.column_stack([mean + spread * normal(1, n, 1)[:, 0], np.arange(n, dtype=float)])
    model = fit(values, scaling=Scaling.STANDARD)
    variance = float(((values[:, 0] - values[:, 0].mean()) ** 2).mean())
    bound = (n * mean * np.finfo(float).eps) ** 2
    # At the bound itself rounding decides.
    if not 0.5 * bound < variance < 2 * bound:
        is_left = StandardScaler().fit(values).scale_[0] == 1.0
        assert ("x1" in model.constant) == is_left


@pytest.mark.parametrize("scaling", Scaling)
def test_a_constant_variable_is_named_and_not_scaled(scaling: Scaling) -> None:
    model = fit(rounded_constant(9, 0.0), scaling=scaling)
    assert model.constant == ("x2",)
    assert model.scale[1] == 1.0


@pytest.mark.parametrize(
    ("log", "function"),
    [(Log.E, np.log), (Log.TWO, np.log2), (Log.TEN, np.log10), (Log.ONE_PLUS, np.log1p)],
)
def test_logarithms_are_taken_and_undone(log: Log, function: np.ufunc) -> None:
    values = np.exp(normal(4, 20, 3))
    values[2, 1] = np.nan
    taken = take_log(values, log, point)
    np.testing.assert_array_equal(taken, function(values))
    np.testing.assert_allclose(undo_log(taken, log), values, rtol=1e-13)


def test_without_a_logarithm_numbers_stay_as_they_are() -> None:
    values = normal(5, 4, 2)
    assert take_log(values, Log.NONE, point) is values
    assert undo_log(values, Log.NONE) is values


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            Log.TEN,
            r"above 0, got 0 at row 2, column 1; -3 at row 3, column 2; correct .* or say log=1p",
        ),
        (
            Log.ONE_PLUS,
            r"above -1, got -3 at row 3, column 2; correct .* these observations or variables$",
        ),
    ],
)
def test_a_number_without_a_logarithm_is_refused_with_its_place(log: Log, message: str) -> None:
    with pytest.raises(InvalidTable, match=message) as caught:
        take_log(np.array([[1.0, 2.0], [0.0, np.nan], [4.0, -3.0]]), log, point)
    assert caught.value.option == "log"
    assert caught.value.places[-1] == Place(row=3, column=2)


def test_only_the_first_numbers_without_a_logarithm_are_named() -> None:
    with pytest.raises(InvalidTable, match=r"row 5, column 1 and 95 more; correct"):
        take_log(np.zeros((100, 1)), Log.E, point)
