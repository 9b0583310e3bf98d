"""What becomes of missing numbers."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers import iterative
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.numbers.imputation import Missing, fill, refuse
from meshlens.pca.tables.table import decode_table

Array = npt.NDArray[np.float64]

BODY = b"who,x,y,kind\na,1,2,u\nb,,4,v\nc,5,NA,u\nd,7,8,v\n"


def punch(values: Array, *, share: float = 0.05) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return a copy with holes, and where they are; every row and column keeps a number."""
    missing = np.random.default_rng(0).random(values.shape) < share
    missing[:, 0] &= ~missing.all(axis=1)
    return np.where(missing, np.nan, values), missing


def test_they_are_refused_and_the_first_named() -> None:
    with pytest.raises(
        InvalidTable, match=r"2 missing .*row 3, column 2 \(x\); row 4, column 3 \(y\)"
    ):
        decode_table(BODY)
    many = b"1,2\n" + b"3,\n" * 1000
    with pytest.raises(InvalidTable, match=r"1000 missing .*row 2.*row 6, column 2 and 995 more"):
        decode_table(many)


def test_observations_with_them_are_left_out() -> None:
    table = decode_table(BODY, missing=Missing.DROP)
    assert table.values.tolist() == [[1, 2], [7, 8]]
    assert (table.groups, table.labels) == (("u", "v"), ("a", "d"))
    assert (table.filled, table.dropped) == (0, 2)
    with pytest.raises(InvalidTable, match="missing ones in all 2"):
        decode_table(b"1,\n,2", missing=Missing.DROP)


@pytest.mark.parametrize("offset", [0, 1e9])
def test_they_become_the_mean(offset: float) -> None:
    values, missing = punch(load_iris().data + offset)
    filled, _ = fill(values, missing, Missing.MEAN)
    np.testing.assert_allclose(filled, SimpleImputer().fit_transform(values), rtol=1e-12)
    np.testing.assert_array_equal(filled[~missing], values[~missing])
    table = decode_table(BODY, missing=Missing.MEAN)
    np.testing.assert_allclose(table.values, [[1.0, 2.0], [13 / 3, 4.0], [5.0, 14 / 3], [7.0, 8.0]])
    assert (table.filled, table.dropped) == (2, 0)


def test_they_become_what_the_components_say() -> None:
    generator = np.random.default_rng(1)
    exact = generator.normal(size=(200, 2)) @ generator.normal(size=(2, 6)) + 100
    values, missing = punch(exact)
    filled, _ = fill(values, missing, Missing.ITERATIVE)
    np.testing.assert_allclose(filled, exact, atol=1e-3)
    by_mean = fill(load_iris().data, missing[:150, :4], Missing.MEAN)[0] - load_iris().data
    better = fill(load_iris().data, missing[:150, :4], Missing.ITERATIVE)[0] - load_iris().data
    assert np.square(better).sum() < 0.3 * np.square(by_mean).sum()


def regularise(values: Array, *, components: int) -> Array:
    """Return a table whose missing numbers are filled in as in Josse and Husson (2012), slowly.

    Each round standardizes the whole table, takes its singular values, and shrinks the first ones
    by the noise that the rest show.
    """
    missing = np.isnan(values)
    n, p = values.shape
    most = min(p, n - 1)
    filled = np.where(missing, np.nanmean(values, axis=0), values)
    freedom = (n - 1) * p - (n - 1) * components - p * components + components**2
    while True:
        mean, deviation = filled.mean(axis=0), filled.std(axis=0)
        left, singular, right = np.linalg.svd((filled - mean) / deviation, full_matrices=False)
        variance = singular**2 / n
        rest = variance[components:most]
        noise = min(n * p / most * rest.sum() / freedom, rest[0])
        kept = singular[:components] * (1 - noise / variance[:components])
        fitted = (left[:, :components] * kept) @ right[:components] * deviation + mean
        after = np.where(missing, fitted, values)
        if (np.abs(after - filled) <= 1e-13 * deviation).all():
            return after
        filled = after


@pytest.mark.parametrize("shape", [(40, 6), (15, 60), (8, 9), (200, 3)])
def test_they_become_what_regularised_iterative_pca_predicts(shape: tuple[int, int]) -> None:
    n, p = shape
    generator = np.random.default_rng(n)
    signal = generator.normal(size=(n, 2)) @ generator.normal(size=(2, p))
    values, missing = punch(10 + signal + generator.normal(size=shape), share=0.1)
    filled, convergence = fill(values, missing, Missing.ITERATIVE)
    assert convergence is not None
    assert convergence.converged
    assert convergence.components == 2
    deviation = np.nanstd(values, axis=0)
    error = (filled - regularise(values, components=2)) / deviation
    assert np.abs(error).max() < 1e-4
    assert (filled[~missing] == values[~missing]).all()


def test_they_stay_within_the_data_where_noise_is_most_of_it() -> None:
    generator = np.random.default_rng(23)
    values = generator.normal(size=(60, 4)) @ np.triu(np.full((4, 4), 0.4))
    missing = np.zeros(values.shape, dtype=bool)
    missing[::6, :2] = True
    filled, _ = fill(values, missing, Missing.ITERATIVE)
    by_mean, _ = fill(values, missing, Missing.MEAN)
    seen = values[~missing[:, 0]]
    assert (filled >= seen.min(axis=0))[missing].all()
    assert (filled <= seen.max(axis=0))[missing].all()
    errors = [np.square(guess - values)[missing].mean() for guess in (filled, by_mean)]
    assert errors[0] < 1.05 * errors[1]


def test_what_has_not_converged_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iterative, "MOST_ITERATIONS", 3)
    values, missing = punch(load_iris().data)
    _, convergence = fill(values, missing, Missing.ITERATIVE)
    assert convergence is not None
    assert convergence.iterations == 3
    assert convergence.change > iterative.TOLERANCE
    assert not convergence.converged


@pytest.mark.parametrize("how", [Missing.MEAN, Missing.ITERATIVE])
def test_a_variable_without_any_number_cannot_be_filled_in(how: Missing) -> None:
    with pytest.raises(InvalidTable, match="none in variable 2"):
        decode_table(b"[[1,null,2],[3,null,4]]", "application/json", missing=how)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_new_observations_are_filled_in_by_the_fit_and_not_by_each_other(k: int) -> None:
    values = load_iris().data
    model = fit(values, k=k, standardize=True)
    new = np.array([[np.nan, 3.0, 4.0, 1.0], [50.0, 3.0, 4.0, 1.0]])
    missing = np.isnan(new)
    assert fill(new, missing, Missing.MEAN, model)[0][0, 0] == model.mean[0]
    filled, convergence = fill(new, missing, Missing.ITERATIVE, model)
    assert convergence is None
    np.testing.assert_array_equal(
        filled, fill(new[:1], missing[:1], Missing.ITERATIVE, model)[0].tolist() + new[1:].tolist()
    )
    # What is expected of a normal variable with the covariance that the model says.
    n, p = values.shape
    covariance = model.components.T * model.explained_variance @ model.components
    if k < p:
        rest = (model.variance.sum() - model.explained_variance.sum()) / ((n - 1 - k) * (p - k))
        noise = min(n * rest, model.explained_variance[-1])
        covariance += noise * (np.eye(p) - model.components.T @ model.components)
    standard = ((new[0] - model.mean) / model.scale)[1:]
    expected = covariance[0, 1:] @ np.linalg.solve(covariance[1:, 1:], standard)
    assert filled[0, 0] == pytest.approx(expected * model.scale[0] + model.mean[0], rel=1e-9)


@pytest.mark.parametrize("how", [Missing.MEAN, Missing.ITERATIVE])
def test_one_observation_can_be_filled_in_by_a_fit(how: Missing) -> None:
    model = fit(load_iris().data)
    table = decode_table(b"5,,1,0.2\n", missing=how, columns=4, model=model)
    assert table.filled == 1
    assert np.isfinite(table.values).all()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 2], [2, 4], [3, np.nan], [4, 8], [5, 10]], 6),
        ([[1, 3, 5], [2, 6, 10], [4, 12, np.nan]], 20),
    ],
)
def test_variables_or_observations_too_few_for_two_components_leave_one(
    rows: list[list[float]], expected: float
) -> None:
    values = np.array(rows, dtype=float)
    filled, _ = fill(values, np.isnan(values), Missing.ITERATIVE)
    assert filled[np.isnan(values)] == pytest.approx(expected, rel=0.05)


def test_nothing_missing_is_not_refused() -> None:
    values = np.ones((2, 2))
    refuse(values, np.isnan(values), lambda row, column: Place(row=row, column=column))
