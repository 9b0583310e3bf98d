"""Few observations of very many variables: memory grows with the table, never with p squared."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from unit.pca.numbers.data import Array, normal

from meshlens.pca.models import encode_model
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.numbers.diagnostics import diagnose
from meshlens.pca.numbers.imputation import Missing, fill
from meshlens.pca.numbers.rotation import rotate
from meshlens.pca.numbers.scaling import Scaling
from meshlens.pca.numbers.selection import keep_parallel

P = 40_000
MOST = 12  # times the table


def find_all(values: Array) -> None:
    assert fit(values, scaling=Scaling.PARETO).components.shape == (len(values), P)


def find_some(values: Array) -> None:
    model = fit(values, k=5, scaling=Scaling.STANDARD)
    diagnose(model, values, project(model, values))


def turn(values: Array) -> None:
    assert rotate(fit(values, k=5, scaling=Scaling.RANGE)).loadings.shape == (5, P)


def choose(values: Array) -> None:
    fit(values, k=keep_parallel(np.random.default_rng(0)), scaling=Scaling.STANDARD)


def complete(values: Array) -> None:
    missing = np.random.default_rng(0).random(values.shape) < 0.01
    _, convergence = fill(np.where(missing, np.nan, values), missing, Missing.ITERATIVE)
    assert convergence is not None
    assert convergence.converged


def complete_by_a_fit(values: Array) -> None:
    missing = np.random.default_rng(0).random(values.shape) < 0.01
    fill(values, missing, Missing.ITERATIVE, fit(values, k=5))


@pytest.mark.slow
@pytest.mark.parametrize("work", [find_all, find_some, turn, choose, complete, complete_by_a_fit])
def test_memory_grows_with_the_table_only(work: Callable[[Array], None]) -> None:
    values = normal(0, 16, 3) @ normal(1, 3, P) + normal(2, 16, P)
    tracemalloc.start()
    try:
        work(values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST * values.nbytes


@pytest.mark.slow
def test_the_document_of_a_wide_model_is_bounded() -> None:
    model = fit(normal(3, 20, P), k=10)
    assert len(encode_model(model)) < 40 * model.components.size
