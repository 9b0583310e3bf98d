"""Diagnostics of observations against published formulas."""

import numpy as np
import pytest
from scipy import stats
from sklearn.preprocessing import StandardScaler
from unit.pca.numbers.data import normal, wine

from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.numbers.diagnostics import diagnose, find_limits


@pytest.mark.parametrize("k", [1, 3, 12])
def test_t2_and_error_are_those_of_their_definitions(k: int) -> None:
    model, values, scores = wine(k)
    standard = StandardScaler().fit_transform(values)
    found = diagnose(model, values, scores)
    covariance = np.cov(scores.T).reshape(k, k)
    t2 = np.einsum("ni,ij,nj->n", scores, np.linalg.inv(covariance), scores)
    np.testing.assert_allclose(found.t2, t2, rtol=1e-9)
    left = standard - scores @ model.components
    np.testing.assert_allclose(found.spe, (left**2).sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        found.cos2, scores**2 / (standard**2).sum(axis=1, keepdims=True), rtol=1e-9
    )
    np.testing.assert_allclose(found.cos2.sum(axis=1) + found.spe / (standard**2).sum(1), 1)
    np.testing.assert_allclose(found.contributions.sum(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_limits_are_those_of_their_formulas(k: int, confidence: float) -> None:
    model, values, _ = wine(k)
    n, p = values.shape
    limits = find_limits(model, confidence=confidence)
    expected = k * (n - 1) * (n + 1) / (n * (n - k)) * stats.f.ppf(confidence, k, n - k)
    assert limits.t2 == pytest.approx(expected, rel=1e-9)
    rest = np.linalg.eigvalsh(np.cov(StandardScaler().fit_transform(values).T))[: p - k]
    t1, t2, t3 = rest.sum(), (rest**2).sum(), (rest**3).sum()
    h0 = 1 - 2 * t1 * t3 / (3 * t2**2)
    c = stats.norm.ppf(confidence)
    expected = t1 * (c * np.sqrt(2 * t2 * h0**2) / t1 + 1 + t2 * h0 * (h0 - 1) / t1**2) ** (1 / h0)
    assert limits.spe == pytest.approx(expected, rel=1e-9)


def test_as_many_new_observations_are_within_the_limits_as_they_say() -> None:
    mixing = np.diag([4, 3, 1, 0.8, 0.5]) @ np.linalg.qr(normal(7, 5, 5))[0]
    model = fit(normal(8, 500, 5) @ mixing, k=2)
    new = normal(9, 50_000, 5) @ mixing
    found = diagnose(model, new, project(model, new), confidence=0.95)
    assert found.limits.t2 is not None
    assert found.limits.spe is not None
    assert (found.t2 <= found.limits.t2).mean() == pytest.approx(0.95, abs=0.01)
    assert (found.spe <= found.limits.spe).mean() == pytest.approx(0.95, abs=0.015)


def test_outliers_within_and_beside_the_components_are_flagged() -> None:
    values = normal(10, 300, 4) * [10, 5, 0.1, 0.1]
    model = fit(values, k=2)
    new = np.array([[0, 0, 0, 0], [60, 0, 0, 0], [0, 0, 3, 0]], dtype=float)
    found = diagnose(model, new, project(model, new), confidence=0.999)
    assert found.outliers.tolist() == [False, True, True]
    assert found.cos2[0].tolist() == pytest.approx([0, 0], abs=1)


def test_what_cannot_be_said_is_not_said() -> None:
    values = normal(11, 3, 8)
    found = diagnose(fit(values), values, project(fit(values), values))
    assert found.limits.t2 is not None  # two components have a variance, the third has none
    assert found.limits.spe is None
    assert not found.outliers.any()
    assert np.isfinite(found.t2).all()
    values = normal(11, 2, 8)
    assert find_limits(fit(values), confidence=0.95).t2 is not None


@pytest.mark.parametrize("scale", [1e-150, 1e-60, 1e-50, 1e-40, 1e40, 1e50, 1e60, 1e150])
def test_the_limit_of_the_error_is_right_or_unknown_at_any_scale(scale: float) -> None:
    values = normal(0, 50, 5)
    limit = find_limits(fit(values, k=2), confidence=0.95).spe
    model = fit(values * scale, k=2)
    scaled = find_limits(model, confidence=0.95).spe
    assert limit is not None
    if 1e-50 <= scale <= 1e50:
        assert scaled == pytest.approx(limit * scale**2)
    else:
        assert (model.residual, scaled) == (None, None)
