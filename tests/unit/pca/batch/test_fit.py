"""A fit over parts is the fit in memory, byte for byte the same however it is run."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits
from unit.pca.batch.arrays import JOB, NOISE, Array, fit_parts, open_array, save
from unit.pca.numbers.data import normal

from meshlens.batch.errors import Cancelled, InputChanged, ObjectsFailed, PartFailed
from meshlens.batch.job import encode
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.errors import InvalidOption, InvalidTable, NoVariance
from meshlens.pca.models import decode_model
from meshlens.pca.numbers.decomposition import PcaModel, fit
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling


def load(objects: FolderObjects) -> PcaModel:
    data = objects.get("model.json")
    assert data is not None
    return decode_model(data)


def all_of(objects: FolderObjects) -> dict[str, bytes | None]:
    return {name: objects.get(name) for name in objects.names("")}


def make(seed: int, n: int, p: int) -> Array:
    """Observations of variables whose variances are apart."""
    mixed: Array = (normal(seed, n, p) * (1 + np.arange(p))) @ normal(seed + 1, p, p)
    return mixed


def assert_equal(found: PcaModel, expected: PcaModel, *, digits: float = 1e-12) -> None:
    largest = expected.explained_variance[0]
    np.testing.assert_allclose(found.mean, expected.mean, rtol=digits, atol=digits * largest**0.5)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=digits)
    np.testing.assert_allclose(
        found.explained_variance, expected.explained_variance, rtol=digits, atol=digits * largest
    )
    np.testing.assert_allclose(found.components, expected.components, atol=1e3 * digits)
    assert (found.n, found.names, found.constant) == (
        expected.n,
        expected.names,
        expected.constant,
    )
    assert found.freedom == expected.freedom


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    n=st.integers(50, 2000),
    rows=st.integers(90, 1000),
    offset=st.sampled_from([0.0, -3.0, 1e6]),
    constant=st.booleans(),
    scaling=st.sampled_from(Scaling),
    divisor=st.sampled_from(Divisor),
)
def test_a_fit_over_parts_is_the_fit_in_memory(
    seed: int,
    n: int,
    rows: int,
    offset: float,
    constant: bool,  # noqa: FBT001 - hypothesis passes it by name
    scaling: Scaling,
    divisor: Divisor,
    tmp_path: Path,
) -> None:
    values = make(seed, n, 4) + offset
    if constant:
        values[:, 2] = 0.1
    expected = fit(values, scaling=scaling, divisor=divisor)
    apart = -np.diff(expected.explained_variance[: 4 - constant])
    assume((apart > 0.02 * expected.explained_variance[0]).all())
    folder = tmp_path / f"{np.random.default_rng().integers(1 << 60)}"
    file = save(folder, values)
    _, objects = fit_parts(
        file, folder / "job", rows=rows, scaling=scaling.value, divisor=divisor.value
    )
    found = load(objects)
    # An offset costs the digits that the numbers themselves have lost by it.
    assert_equal(found, expected, digits=1e-12 * max(1.0, abs(offset) * 1e-3))


def test_an_offset_of_a_billion_costs_no_digits(tmp_path: Path) -> None:
    whole = np.round(make(3, 3000, 4) * 1000)
    near = fit_parts(save(tmp_path, whole), tmp_path / "near", rows=300)[1]
    far = fit_parts(save(tmp_path, whole + 1e9, "far.npy"), tmp_path / "far", rows=300)[1]
    np.testing.assert_allclose(
        load(far).explained_variance, load(near).explained_variance, rtol=1e-12
    )


@pytest.mark.parametrize("small", [1e-3, 1e-5, 1e-7])
def test_where_the_covariance_loses_digits_factors_are_merged(small: float, tmp_path: Path) -> None:
    values = np.linalg.qr(normal(1, 20_000, 2) - normal(1, 20_000, 2).mean(axis=0))[0]
    values = (values * [1, small]) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    summary, objects = fit_parts(save(tmp_path, values), tmp_path / "job", rows=900)
    model = load(objects)
    assert summary["solver"] == model.solver == fit(values).solver == "svd"
    ratio = model.explained_variance[1] / model.explained_variance[0]
    assert ratio == pytest.approx(small**2, rel=1e-8)
    assert_equal(model, fit(values))


@pytest.mark.parametrize(("n", "p"), [(5, 20), (12, 12), (2, 1)])
def test_fewer_observations_than_variables_have_as_many_components(
    n: int, p: int, tmp_path: Path
) -> None:
    values = normal(4, n, p)
    _, objects = fit_parts(save(tmp_path, values), tmp_path / "job", rows=3)
    model, expected = load(objects), fit(values)
    assert model.components.shape == expected.components.shape
    largest = expected.explained_variance[0]
    np.testing.assert_allclose(
        model.explained_variance, expected.explained_variance, atol=1e-12 * largest
    )


@pytest.mark.parametrize("k", ["2", "0.9", "parallel", 3, None])
def test_rules_choose_as_many_components_as_in_memory(k: str | None, tmp_path: Path) -> None:
    values = make(5, 3000, 6)
    file = save(tmp_path, values)
    summary, objects = fit_parts(file, tmp_path / "job", k=k, standardize="true")
    options = JOB.identify({"input": {"file": str(file), "rows": 9}, "options": {"k": k}})
    assert encode(options["options"]) == encode(json.loads(encode(options["options"])))
    model = load(objects)
    expected = {"2": 2, 3: 3, None: 6}.get(k)
    if expected:
        assert summary["k"] == len(model.components) == expected
    assert model.scaling is Scaling.STANDARD


def test_logarithms_and_rotation_are_those_in_memory(tmp_path: Path) -> None:
    values = np.exp(make(6, 2000, 4) / 10)
    _, objects = fit_parts(save(tmp_path, values), tmp_path / "a", log="10", k=2)
    assert_equal(load(objects), fit(np.log10(values), log=Log.TEN, k=2))
    _, objects = fit_parts(save(tmp_path, values), tmp_path / "b", rotation="varimax", k=2)
    assert load(objects).rotation is not None


def test_every_object_is_the_same_with_any_number_of_workers_and_blas_threads(
    tmp_path: Path,
) -> None:
    values = make(7, 20_000, 20)
    values[:, 3] = values[:, 2] * (1 + 1e-6 * normal(1, 20_000, 1)[:, 0])
    file = save(tmp_path, values)
    kept = []
    for workers, threads in ((1, 1), (2, 2), (3, 1), (5, 4)):
        with threadpool_limits(threads, "blas"):
            _, objects = fit_parts(
                file,
                tmp_path / f"{workers}",
                rows=1200,
                workers=workers,
                scores=True,
                picture=True,
            )
        kept.append(all_of(objects))
    assert any(name.startswith("scores/") for name in kept[0])
    assert "picture.svg" in kept[0]
    assert load(objects).solver == "svd"
    assert kept[0] == kept[1] == kept[2] == kept[3]


@pytest.mark.parametrize("n", [3000, 3001])
def test_a_job_that_is_ended_again_and_again_has_the_same_answer(n: int, tmp_path: Path) -> None:
    values = make(8, n, 4) @ np.diag([1, 1, 1, 1e-5])
    file = save(tmp_path, values)
    _, whole = fit_parts(file, tmp_path / "whole", rows=200, scores=True, picture=True)
    objects = FolderObjects(tmp_path / "job")
    identity = JOB.identify(
        {"input": {"file": str(file), "rows": 200}, "scores": True, "picture": True}
    )
    calls = 0

    def end_soon() -> None:
        nonlocal calls
        calls += 1
        if calls % 40 == 0:
            raise Cancelled("a job must not be cancelled")

    for _ in range(100):
        try:
            with one_thread():
                run(JOB, identity, objects, workers=2, go_on=end_soon)
        except Cancelled:
            continue
        break
    assert all_of(objects) == all_of(whole)


def test_a_column_that_is_constant_in_one_part_only_has_its_variance(tmp_path: Path) -> None:
    values = make(9, 1000, 3)
    values[300:400, 1] = 0.1
    values[:, 2] = 0.1
    _, objects = fit_parts(save(tmp_path, values), tmp_path / "job", standardize=True)
    model = load(objects)
    assert model.constant == ("x3",)
    assert model.mean[2] == 0.1
    assert_equal(model, fit(values, standardize=True))


def test_missing_numbers_are_refused_by_file_and_row_or_dropped_and_counted(
    tmp_path: Path,
) -> None:
    values = make(10, 1000, 3)
    values[[0, 1, 412, 413], [0, 1, 1, 2]] = np.nan
    values[500:600] = np.nan
    file = save(tmp_path, values)
    pattern = (
        r"table\.npy, rows 401 to 500: every cell must hold a number, got 2 missing in 33 rows,"
        r" the first at row 413, column 2 \(x2\); complete it, or say missing=drop"
    )
    with pytest.raises(PartFailed, match=r"rows 1 to 100: .* row 1, column 1"):
        fit_parts(file, tmp_path / "job")
    values[[0, 1], [0, 1]] = 0.0
    save(tmp_path, values)
    with pytest.raises(PartFailed, match=pattern):
        fit_parts(file, tmp_path / "refused")
    summary, objects = fit_parts(file, tmp_path / "dropped", missing="drop")
    assert summary["dropped"] == 102
    assert_equal(load(objects), fit(values[np.isfinite(values).all(axis=1)]))
    save(tmp_path, np.full((50, 2), np.nan), "none.npy")
    with pytest.raises(InvalidTable, match="at least one observation must be complete"):
        fit_parts(tmp_path / "none.npy", tmp_path / "none", missing="drop")


@pytest.mark.parametrize("options", [{}, {"missing": "drop"}])
def test_an_infinite_number_is_refused_by_file_and_row(
    options: dict[str, Any], tmp_path: Path
) -> None:
    values = make(11, 300, 3)
    values[150, 2] = -np.inf
    with pytest.raises(PartFailed, match=r"rows 101 to 200: .* got -inf at row 151, column 3"):
        fit_parts(save(tmp_path, values), tmp_path / "job", **options)


def test_a_number_without_a_logarithm_is_refused_by_file_and_row(tmp_path: Path) -> None:
    values = np.exp(make(12, 300, 3) / 10)
    values[250, 1] = 0
    with pytest.raises(PartFailed, match=r"rows 201 to 300: log=2 .* 0 at row 251, column 2"):
        fit_parts(save(tmp_path, values), tmp_path / "job", log="2")


@pytest.mark.parametrize("ill", [False, True])
def test_a_part_that_cannot_be_read_is_left_out_if_asked_to(ill: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    values = make(13, 1000, 4) @ np.diag([1, 1, 1, 1e-5 if ill else 1])
    values[5], values[720] = NOISE, NOISE
    file = save(tmp_path, values)
    with pytest.raises(PartFailed, match="rows 1 to 100: a file must be readable"):
        fit_parts(file, tmp_path / "ended")
    summary, objects = fit_parts(file, tmp_path / "job", skip=True, scores=True)
    rest = np.concatenate([values[100:700], values[800:]])
    assert summary["left_out"] == 2
    assert summary["first_left_out"].startswith("table.npy, rows 1 to 100: a file must")
    assert len(encode(summary)) < 1000
    assert_equal(load(objects), fit(rest))
    manifest = json.loads(objects.get("scores.json") or b"")
    assert sum(part["rows"] for part in manifest["parts"]) == 800


def test_if_no_part_can_be_read_the_first_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match=r"table\.npy, rows 1 to 100: a file must be readable"):
        fit_parts(save(tmp_path, np.full((300, 2), NOISE)), tmp_path / "job", skip=True)


def test_an_input_that_changes_ends_the_job(tmp_path: Path) -> None:
    values = make(14, 400, 3)
    file = save(tmp_path, values)
    identity = JOB.identify({"input": {"file": str(file), "rows": 100}})
    objects = FolderObjects(tmp_path / "job")
    with one_thread():
        stage = JOB.plan(identity, objects)
        save(tmp_path, values[:300])
        with pytest.raises(InputChanged, match="other files, sizes or times of change"):
            run(JOB, identity, objects)
        with pytest.raises(InputChanged, match="another size"):
            JOB.part(stage, 0, objects, lambda: None)


def test_a_damaged_piece_is_made_again(tmp_path: Path) -> None:
    file = save(tmp_path, make(15, 400, 3))
    _, objects = fit_parts(file, tmp_path / "job")
    whole = all_of(objects)
    piece = next(objects.names("pieces/"))
    objects.put(piece, b"damaged")
    with pytest.raises(ObjectsFailed, match="damaged"):
        fit_parts(file, tmp_path / "job")
    fit_parts(file, tmp_path / "job")
    assert all_of(objects) == whole


def test_equal_observations_have_no_components(tmp_path: Path) -> None:
    with pytest.raises(NoVariance, match="300 observations of 2 variables"):
        fit_parts(save(tmp_path, np.full((300, 2), 0.1)), tmp_path / "job")
    with pytest.raises(NoVariance, match="at least 2 observations"):
        fit_parts(save(tmp_path, np.full((1, 2), 0.1)), tmp_path / "one")
    with pytest.raises(InvalidOption, match="k must be between 1 and 2"):
        fit_parts(save(tmp_path, make(1, 300, 2)), tmp_path / "k", k=3)


def test_options_that_make_no_sense_over_parts_are_refused_with_the_reason(tmp_path: Path) -> None:
    file = save(tmp_path, make(16, 100, 3))
    refused: Sequence[tuple[dict[str, Any], str]] = (
        ({"missing": "mean"}, "what would fill them in depends on all parts"),
        ({"transpose": "true"}, "does not offer transpose"),
        ({"fit": "0" * 64}, "does not offer fit"),
        ({"scale": "1"}, "an option must be known"),
    )
    for options, reason in refused:
        with pytest.raises(InvalidOption, match=reason):
            fit_parts(file, tmp_path / "job", **options)
    with pytest.raises(
        InvalidOption, match="takes input, options, scores and picture, got no input"
    ):
        JOB.identify({})
    wide = save(tmp_path, np.zeros((3, 2001)), "wide.npy")
    with pytest.raises(InvalidOption, match="at most 2000 variables, got 2001"):
        fit_parts(wide, tmp_path / "wide")


def test_the_id_is_that_of_the_document(tmp_path: Path) -> None:
    summary, objects = fit_parts(save(tmp_path, make(17, 500, 3)), tmp_path / "job")
    assert summary["id"] == hashlib.sha256(objects.get("model.json") or b"").hexdigest()
    assert (summary["n"], summary["p"], summary["k"]) == (500, 3, 3)
    assert open_array({"file": str(tmp_path / "table.npy"), "rows": 9}).names == ("x1", "x2", "x3")
