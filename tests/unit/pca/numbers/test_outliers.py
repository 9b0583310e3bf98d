"""Outliers are those of Chauvenet."""

import numpy as np

from meshlens.pca.numbers.outliers import find_outliers


def test_outliers_are_those_of_chauvenet() -> None:
    # exp(-d / 2) of normal observations lie beyond d: less than half a one of 1000 beyond 15.2.
    distances = np.array([1.0, 15.3, 15.1, 99.0] + [0.5] * 996)
    assert find_outliers(distances).tolist() == [3, 1]


def test_few_normal_observations_are_called_outliers() -> None:
    for seed in range(20):
        points = np.random.default_rng(seed).normal(size=(10_000, 2))
        assert len(find_outliers(np.square(points).sum(axis=1))) <= 4
