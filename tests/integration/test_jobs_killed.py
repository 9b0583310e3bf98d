"""A thousand parts of the kinds that ship, killed twenty times: the same bytes as one process."""

import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integration.test_jobs import VICTIMS, kill, objects_of
from job_kinds import FEW, Few
from jobs_mesh import ROOT, JobsMesh, jobs_mesh
from mesh import Mesh, Profile
from processes import eventually

from meshlens.batch import loop
from meshlens.batch.job import Job
from meshlens.batch.objects import FolderObjects
from meshlens.jobs.tables import Tables
from meshlens.pca.batch.threads import one_thread

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

PARTS = 1000
SAMPLES = ROOT / "services" / "classify" / "samples"
# Objects between one kill and the next.
STEP = 20


@pytest.fixture(scope="module")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), services=("classify",)) as running:
        yield running


@pytest.fixture(scope="module")
def mesh(classify: Mesh) -> Iterator[JobsMesh]:
    """Jobs, in the folder of classify, whose names both sidecars know."""
    with jobs_mesh(classify.folder, JOB_INPUTS=str(classify.folder.parent)) as running:
        yield running


def count_objects(mesh: JobsMesh, job: str) -> int:
    return sum(1 for _ in FolderObjects(mesh.jobs_folder / job).names(""))


def fault(mesh: JobsMesh, classify: Mesh, victim: str) -> None:
    match victim:
        case "classify":
            classify.restart_app("classify")
        case "sidecar of classify":
            classify.kill_sidecar("classify")
            classify.start_sidecar("classify")
            classify.await_app("classify")
        case _:
            kill(mesh, victim)


def check(
    mesh: JobsMesh,
    classify: Mesh,
    kind: str,
    options: Mapping[str, Any],
    *,
    alone: Job,
    victims: tuple[str, ...],
) -> Mapping[str, bytes | None]:
    """Run a job through its kills; return its objects, which are those of the loop."""
    choose = random.Random(os.environ.get("SEED", "1"))  # noqa: S311 - which faults come, not a secret
    job = mesh.start(kind, options)["id"]
    for _ in range(int(os.environ.get("KILLS", "20"))):
        before = count_objects(mesh, job)
        eventually(
            lambda before=before: count_objects(mesh, job) >= before + STEP,  # type: ignore[misc] # mypy cannot infer a lambda with a default
            "the job gets further",
            within=200,
        )
        assert (mesh.status(job) or {}).get("state") not in {"completed", "failed"}
        fault(mesh, classify, choose.choice(victims))
    status = mesh.await_end(job, within=1200)
    assert status["state"] == "completed", status
    with one_thread():
        folder = classify.folder / "alone" / kind
        loop.run(alone, alone.identify(options), FolderObjects(folder))
    expected, found = objects_of(folder), objects_of(mesh.jobs_folder / job)
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name] != expected[name]} == set()
    return found


def test_a_fit_of_a_thousand_parts(
    mesh: JobsMesh, classify: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
    values = np.random.default_rng(11).normal((5.0, 0.0, -5.0), size=(PARTS * 200, 3))
    for number, part in enumerate(np.split(values, PARTS)):
        np.save(tmp_path / f"{number:04}.npy", part)
    options = {"files": str(tmp_path), "standardize": True, "scores": True}
    found = check(mesh, classify, "pca-fit", options, alone=Tables(), victims=VICTIMS)
    assert sum(name.startswith("scores/") for name in found) == PARTS


def test_pictures_of_a_thousand_parts(
    mesh: JobsMesh, classify: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
    monkeypatch.setenv("DAPR_GRPC_PORT", str(classify.grpc_port("classify")))
    samples = sorted(SAMPLES.glob("*.jpg"))
    for number in range(PARTS * Few.chunk):
        picture = tmp_path / f"{number:04}.jpg"
        if number % 50 == 0:
            picture.write_bytes(b"no picture")
        else:
            shutil.copy(samples[number % len(samples)], picture)
    victims = (*VICTIMS, "classify", "sidecar of classify")
    found = check(mesh, classify, FEW, {"folder": str(tmp_path)}, alone=Few(), victims=victims)
    assert sum(name.startswith("results/") for name in found) == PARTS
