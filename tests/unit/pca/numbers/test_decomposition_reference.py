"""Fifty data sets: every number is that of scikit-learn."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from unit.pca.numbers.data import (
    FAR,
    Array,
    constant_column,
    correlated,
    decaying,
    duplicates,
    far_off,
    load,
    normal,
    scales,
)

from meshlens.pca.numbers.decomposition import fit, project, reconstruct


def data_sets() -> Iterator[tuple[str, Callable[[], Array]]]:
    for name in ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits"):
        yield name, partial(load, name)
    yield "iris sepals", partial(load, "iris", slice(2))
    yield "three of wine", partial(load, "wine", slice(0, 9, 4))
    shapes = [(5, 2), (20, 3), (150, 4), (300, 10), (1000, 2), (4000, 7), (5000, 30), (20_000, 3)]
    for (n, p), kind in product(shapes, (normal, correlated, decaying)):
        yield f"{kind.__name__} {n} x {p}", partial(kind, n + p, n, p)
    for n, p in [(5, 20), (30, 200), (100, 99), (99, 100), (60, 500), (1200, 500)]:
        yield f"wide {n} x {p}", partial(normal, n * p, n, p)
    for n, hard in product((40, 4000, 40_000), (far_off, scales, constant_column, duplicates)):
        yield f"{hard.__name__} {n}", partial(hard, n)


DATA = dict(data_sets())
SLOW = ("wide 1200 x 500", "digits")


def test_there_are_fifty() -> None:
    assert len(DATA) == 50


def has_tie(components: Array) -> npt.NDArray[np.bool_]:
    """Where two entries compete for the sign; rounding decides it in scikit-learn."""
    largest = np.sort(np.abs(components), axis=1)
    if components.shape[1] < 2:
        return np.zeros(len(components), dtype=bool)
    return np.asarray(largest[:, -1] - largest[:, -2] < 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in DATA],
)
def test_all_outputs_are_those_of_scikit_learn(name: str, *, standardize: bool) -> None:
    values = DATA[name]()
    # Far from zero scikit-learn knows mean and scores to 1e-6 only; nearby it is the reference.
    offset = FAR if name.startswith("far_off") else 0.0
    near = values - offset
    scaler = StandardScaler(with_std=standardize).fit(near)
    scaled = scaler.transform(near) if standardize else near
    reference = PCA(svd_solver="full").fit(scaled)
    model = fit(values, standardize=standardize)
    k = int((reference.explained_variance_ratio_ > 1e-22).sum())

    def close(actual: Array, expected: Any, atol: float = 0.0) -> None:  # noqa: ANN401 - scikit-learn has no types
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=atol)

    close(model.mean, scaler.mean_ + offset, 1e-12 * np.abs(values).max())
    if standardize:
        close(model.scale, scaler.scale_)
    close(model.explained_variance[:k], reference.explained_variance_[:k])
    close(model.explained_variance_ratio[:k], reference.explained_variance_ratio_[:k])
    flipped = np.where(
        has_tie(model.components), np.sign((model.components * reference.components_).sum(1)), 1.0
    )
    components = model.components * flipped[:, np.newaxis]
    # An eigenvector is known as well as its eigenvalue differs from its neighbours.
    close(components[:k], reference.components_[:k], 1e-9)
    scores, expected = project(model, values)[:, :k] * flipped[:k], reference.transform(scaled)
    rounding = 4 * np.spacing(np.abs(model.mean / model.scale).max())
    close(scores, expected[:, :k], 1e-9 * np.abs(expected).max() + rounding)
    close(
        reconstruct(model, project(model, values)),
        values,
        1e-12 * np.abs(values).max() + 10 * rounding * model.scale.max(),
    )
