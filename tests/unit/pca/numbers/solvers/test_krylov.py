"""A few components are as exact as all of them, or none are found."""

import numpy as np
import pytest
from unit.pca.numbers.data import Array, decaying, factors, normal

from meshlens.pca.numbers.solvers.krylov import find_leading


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        decaying(1, 700, 520),
        factors(2, 800, 600),
        factors(3, 600, 800),
        np.round(normal(4, 900, 3)) @ np.ones((3, 500)) + decaying(5, 900, 500),
    ],
    ids=["decaying", "factors and noise", "the same, wide", "one far above the others"],
)
def test_the_first_components_are_as_exact_as_all(values: Array) -> None:
    k = 3
    standard = values - values.mean(axis=0)
    found = find_leading(standard, k)
    assert found is not None
    squares, components = found
    _, singular, expected = np.linalg.svd(standard, full_matrices=False)
    np.testing.assert_allclose(squares, singular[:k] ** 2, rtol=1e-11)
    np.testing.assert_allclose(np.abs((components * expected[:k]).sum(axis=1)), 1.0, rtol=1e-12)
    np.testing.assert_allclose(components @ components.T, np.eye(k), atol=1e-11)
    again = find_leading(standard, k)
    assert again is not None
    np.testing.assert_array_equal(again[1], components)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "k"),
    [
        (normal(6, 800, 600), 5),
        (normal(7, 600, 2) @ normal(8, 2, 500), 3),
        (normal(9, 600, 500), 49),
    ],
    ids=["noise only", "of rank two", "too many"],
)
def test_components_that_would_not_be_exact_are_not_found(values: Array, k: int) -> None:
    assert find_leading(values - values.mean(axis=0), k) is None


@pytest.mark.slow
def test_variances_that_are_equal_are_all_found() -> None:
    turned = np.linalg.qr(normal(10, 700, 520))[0]
    standard = turned * np.repeat([9.0, 3.0, 1.0], [1, 4, 515])
    found = find_leading(standard, 5)
    assert found is not None
    np.testing.assert_allclose(found[0], [81, 9, 9, 9, 9], rtol=1e-11)
    np.testing.assert_allclose(np.square(found[1][1:, 1:5]).sum(axis=1), 1, rtol=1e-11)
