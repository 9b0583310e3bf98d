"""Varimax: the criterion is at its maximum, and rotated numbers fit together."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition._factor_analysis import _ortho_rotation
from unit.pca.numbers.data import normal

from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import PcaModel, fit, project, reconstruct
from meshlens.pca.numbers.rotation import (
    find_varimax,
    restore_scores,
    rotate,
    rotate_scores,
)

Array = npt.NDArray[np.float64]


def rotated_wine(k: int = 3) -> tuple[PcaModel, Array]:
    values: Array = load_wine().data
    return rotate(fit(values, k=k, standardize=True)), values


def rotate_as_r(loadings: Array) -> Array:
    """Return the loadings that R's `varimax(loadings, eps=1e-14)` has: stats/R/factanal.R."""
    weights = np.sqrt(np.square(loadings).sum(axis=1))
    normal_ = loadings / weights[:, np.newaxis]
    p, k = normal_.shape
    turned, last = np.eye(k), 0.0
    for _ in range(1000):
        z = normal_ @ turned
        u, d, v = np.linalg.svd(normal_.T @ (z**3 - z @ np.diag((z**2).sum(axis=0)) / p))
        turned = u @ v
        if d.sum() < last * (1 + 1e-14):
            break
        last = d.sum()
    return np.asarray(normal_ @ turned * weights[:, np.newaxis])


@pytest.mark.parametrize("k", [2, 3, 5])
def test_loadings_are_those_of_r(k: int) -> None:
    model, values = rotated_wine(k)
    expected = rotate_as_r(fit(values, k=k, standardize=True).loadings.T)
    expected = expected[:, np.argsort(-np.square(expected).sum(axis=0))]
    np.testing.assert_allclose(np.abs(model.loadings.T), np.abs(expected), atol=1e-6)


def test_without_communalities_that_differ_the_rotation_is_that_of_scikit_learn() -> None:
    # scikit-learn rotates without Kaiser's normalization, which does nothing to rows of length 1.
    loadings = normal(2, 12, 3)
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    expected = _ortho_rotation(loadings, tol=1e-15, max_iter=10_000).T
    found = loadings @ find_varimax(loadings)
    for rotated in (found, expected):
        rotated[:] = np.abs(rotated[:, np.argsort(np.square(rotated).sum(axis=0))])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_turn_of_two_components_makes_the_criterion_greater() -> None:
    model, _ = rotated_wine(2)
    loadings = model.loadings.T
    rows = loadings / np.linalg.norm(loadings, axis=1, keepdims=True)

    def criterion(angle: float) -> float:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return float(np.var(np.square(rows @ turn), axis=0).sum())

    best = criterion(0.0)
    assert all(criterion(angle) <= best + 1e-12 for angle in np.linspace(-np.pi / 4, np.pi / 4, 91))


def test_rotated_scores_have_variance_one_are_uncorrelated_and_explain_the_same() -> None:
    model, values = rotated_wine()
    scores = rotate_scores(model, project(model, values))
    np.testing.assert_allclose(np.cov(scores.T), np.eye(3), atol=1e-12)
    standard = (values - model.mean) / model.scale
    np.testing.assert_allclose(model.loadings, scores.T @ standard / (len(values) - 1), atol=1e-12)
    np.testing.assert_allclose(
        model.correlations, np.corrcoef(scores.T, values.T)[:3, 3:], atol=1e-12
    )
    explained = model.rotated_variance
    np.testing.assert_allclose(explained, np.square(model.loadings).sum(axis=1), rtol=1e-12)
    assert explained.sum() == pytest.approx(model.explained_variance.sum())
    assert (np.diff(explained) <= 0).all()
    np.testing.assert_allclose(model.contributions.sum(axis=1), 1)
    largest = np.abs(model.loadings).argmax(axis=1)
    assert (model.loadings[np.arange(3), largest] > 0).all()
    assert model.component_names == ("RC1", "RC2", "RC3")


def test_rotated_scores_give_the_same_points_back() -> None:
    model, values = rotated_wine()
    scores = project(model, values)
    again = restore_scores(model, rotate_scores(model, scores))
    np.testing.assert_allclose(again, scores, atol=1e-12)
    np.testing.assert_allclose(
        scores @ model.components, rotate_scores(model, scores) @ model.loadings, atol=1e-12
    )
    np.testing.assert_allclose(reconstruct(model, again), reconstruct(model, scores), rtol=1e-9)


def test_components_that_are_not_rotated_keep_their_scores() -> None:
    model = fit(normal(3, 9, 3))
    scores = project(model, normal(3, 9, 3))
    assert rotate_scores(model, scores) is scores
    assert restore_scores(model, scores) is scores
    assert model.rotated_variance is model.explained_variance


def test_simple_structure_is_found() -> None:
    factors = normal(4, 500, 2)
    values = np.repeat(factors, 3, axis=1) + 0.1 * normal(5, 500, 6)
    values[:, :3] += values[:, 3:].mean(axis=1, keepdims=True) * 0.05
    model = fit(values, k=2, standardize=True)
    # Here the components are as far from simple as can be: the criterion is at its minimum.
    assert np.abs(model.loadings).min() > 0.5
    loadings = np.abs(rotate(model).loadings)
    small = np.sort(loadings, axis=0)[0]
    assert small.max() < 0.1


@pytest.mark.parametrize(
    ("values", "k", "message"),
    [
        (load_iris().data, 1, r"at least 2 components, .* got 1, 1 of them .*choose|leave"),
        (normal(6, 3, 4), 3, r"got 3, 2 of them with a variance; choose k from 2 to 2"),
        (normal(7, 9, 1) @ np.ones((1, 3)), 2, r"got 2, 1 of them .* leave rotation out"),
    ],
    ids=["one component", "as many as observations", "one dimension only"],
)
def test_components_that_cannot_be_rotated_are_refused(values: Array, k: int, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        rotate(fit(values, k=k))
