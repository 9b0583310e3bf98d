"""The scores and groups of a job are those in memory."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from unit.pca.batch.arrays import Array, fit_parts, save
from unit.pca.numbers.data import normal

from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.numbers.diagnostics import diagnose


def make() -> Array:
    values = normal(0, 950, 4) @ np.diag([4.0, 3, 2, 1])
    values[[3, 4, 501], 1] = np.nan
    return values


def test_scores_and_distances_are_those_in_memory_with_their_rows(tmp_path: Path) -> None:
    values = make()
    _, objects = fit_parts(
        save(tmp_path, values), tmp_path / "job", scores=True, missing="drop", k=2, diagnostics=True
    )
    manifest = json.loads(objects.get("scores.json") or b"")
    assert [part["part"] for part in manifest["parts"][:2]] == [
        "table.npy, rows 1 to 100",
        "table.npy, rows 101 to 200",
    ]
    tables = [
        pq.read_table(io.BytesIO(objects.get(part["object"]) or b"")) for part in manifest["parts"]
    ]
    assert manifest["columns"] == tables[0].schema.names
    assert manifest["columns"] == ["row", "PC1", "PC2", "t2", "spe", "outlier"]
    found = {
        name: np.concatenate([np.asarray(table[name]) for table in tables])
        for name in manifest["columns"]
    }
    kept = np.flatnonzero(np.isfinite(values).all(axis=1))
    np.testing.assert_array_equal(found["row"], kept + 1)
    model = fit(values[kept], k=2)
    scores = project(model, values[kept])
    diagnostics = diagnose(model, values[kept], scores)
    np.testing.assert_allclose(np.stack([found["PC1"], found["PC2"]], axis=1), scores, atol=1e-11)
    np.testing.assert_allclose(found["t2"], diagnostics.t2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["spe"], diagnostics.spe, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found["outlier"], diagnostics.outliers)
    outliers = sum(part["outliers"] for part in manifest["parts"])
    assert outliers == diagnostics.outliers.sum() > 0
    assert manifest["limits"]["t2"] == pytest.approx(diagnostics.limits.t2, rel=1e-12)
    assert manifest["limits"]["spe"] == pytest.approx(diagnostics.limits.spe, rel=1e-9)


def test_groups_have_their_counts_and_means(tmp_path: Path) -> None:
    values = make()
    labels = np.array(["a", "b", "", "c"])[np.arange(950) % 4]
    file = save(tmp_path, values)
    np.save(tmp_path / "site.npy", labels)
    _, objects = fit_parts(file, tmp_path / "job", group="site", missing="drop", scores=True)
    document = json.loads(objects.get("groups.json") or b"")
    assert [group["group"] for group in document["groups"]] == ["", "a", "b", "c"]
    complete = np.isfinite(values).all(axis=1)
    model = fit(values[complete])
    for group in document["groups"]:
        members = values[complete & (labels == group["group"])]
        assert group["n"] == len(members)
        np.testing.assert_allclose(group["mean"], members.mean(axis=0), atol=1e-12)
        scores = project(model, members).mean(axis=0)
        np.testing.assert_allclose(group["scores"], scores, atol=1e-11)
    assert objects.get("scores.json") is not None


def test_more_groups_than_can_be_shown_are_refused(tmp_path: Path) -> None:
    values = normal(0, 1100, 2)
    file = save(tmp_path, values)
    np.save(tmp_path / "id.npy", np.arange(1100).astype(str))
    with pytest.raises(InvalidOption, match="at most 1000 of them"):
        fit_parts(file, tmp_path / "job", group="id")
