"""What becomes of missing numbers."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import fit, project
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
    filled = fill(values, missing, Missing.MEAN)
    np.testing.assert_allclose(filled, SimpleImputer().fit_transform(values), rtol=1e-12)
    np.testing.assert_array_equal(filled[~missing], values[~missing])
    table = decode_table(BODY, missing=Missing.MEAN)
    np.testing.assert_allclose(table.values, [[1.0, 2.0], [13 / 3, 4.0], [5.0, 14 / 3], [7.0, 8.0]])
    assert (table.filled, table.dropped) == (2, 0)


def test_they_become_what_the_components_say() -> None:
    generator = np.random.default_rng(1)
    exact = generator.normal(size=(200, 2)) @ generator.normal(size=(2, 6)) + 100
    values, missing = punch(exact)
    filled = fill(values, missing, Missing.ITERATIVE)
    np.testing.assert_allclose(filled, exact, atol=1e-3)
    by_mean = fill(load_iris().data, missing[:150, :4], Missing.MEAN) - load_iris().data
    better = fill(load_iris().data, missing[:150, :4], Missing.ITERATIVE) - load_iris().data
    assert np.square(better).sum() < 0.3 * np.square(by_mean).sum()


def test_what_the_components_say_is_where_filling_in_and_fitting_agree() -> None:
    values, missing = punch(load_iris().data)
    filled = fill(values, missing, Missing.ITERATIVE)
    scale = fill(values, missing, Missing.MEAN).std(axis=0)
    model = fit(filled / scale, k=2)
    again = project(model, filled / scale) @ model.components + model.mean
    np.testing.assert_allclose((again * scale)[missing], filled[missing], atol=1e-4)


@pytest.mark.parametrize("how", [Missing.MEAN, Missing.ITERATIVE])
def test_a_variable_without_any_number_cannot_be_filled_in(how: Missing) -> None:
    with pytest.raises(InvalidTable, match="none in variable 2"):
        decode_table(b"[[1,null,2],[3,null,4]]", "application/json", missing=how)


def test_new_observations_are_filled_in_by_the_fit_and_not_by_each_other() -> None:
    values = load_iris().data
    model = fit(values, k=2, standardize=True)
    new = np.array([[np.nan, 3.0, 4.0, 1.0], [50.0, 3.0, 4.0, 1.0]])
    missing = np.isnan(new)
    assert fill(new, missing, Missing.MEAN, model)[0, 0] == model.mean[0]
    filled = fill(new, missing, Missing.ITERATIVE, model)
    np.testing.assert_array_equal(
        filled, fill(new[:1], missing[:1], Missing.ITERATIVE, model).tolist() + new[1:].tolist()
    )
    on_plane = (project(model, filled) @ model.components) * model.scale + model.mean
    assert abs(on_plane[0, 0] - filled[0, 0]) < 1e-9


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
    filled = fill(values, np.isnan(values), Missing.ITERATIVE)
    assert filled[np.isnan(values)] == pytest.approx(expected, rel=0.05)


def test_nothing_missing_is_not_refused() -> None:
    values = np.ones((2, 2))
    refuse(values, np.isnan(values), lambda row, column: Place(row=row, column=column))
